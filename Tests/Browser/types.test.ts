// What a program of TypeScript says to the client; it is checked, and never run.

import {
    RECEIVED_AT, SluiceClient, SluiceConnection, SluiceError, type Gap, type Message, type State,
} from '../../Sources/SluiceAssets/Files/client/client';
import { SluiceConnection as ActualConnection } from '../../Sources/SluiceAssets/Files/client/client.js/connection';
import { SluiceClient as ActualClient } from '../../Sources/SluiceAssets/Files/client/client.js/single';

/** What is declared is there: the classes have all that their declarations promise. */
type Public<Class> = { [Name in keyof Class]: unknown };
const connectionHasAll: Public<SluiceConnection> = new ActualConnection();
const clientHasAll: Public<SluiceClient> = new ActualClient({ scanId: 'a' });
const subscriptionHasAll: Public<ReturnType<SluiceConnection['subscribe']>> = new ActualConnection().subscribe('a');

export async function follow(url: string): Promise<number> {
    const gateway = new SluiceConnection({ url, getToken: async () => 'a.b.c', times: true, delivery: 'frame' }).open();
    const nightly = gateway.subscribe('nightly', {
        since: 0,
        filters: null,
        onMessages: (messages: Message[]) => messages.map(({ seq }) => seq.toFixed()),
        onGap: ({ loaded, total, done }: Gap) => `${loaded} of ${total}${done ? '' : '…'}`,
        onState: ({ state, inMs = 0 }: State) => (state === 'reconnecting' ? inMs.toFixed() : state),
    });
    let count = 0;
    for await (const message of nightly) {
        const takenAt: number | undefined = message[RECEIVED_AT];
        if (takenAt !== undefined && message.type === 'scanCompleted') break;
        count += 1;
    }
    for await (const { severity } of gateway.history('nightly', { severity: ['high'], order: 'desc' })) console.log(severity);
    try {
        await gateway.json('/api/scans/stats');
    } catch (error) {
        if (error instanceof SluiceError && error.code === 4401) gateway.refresh('d.e.f');
    }
    // @ts-expect-error: there is no such transport.
    new SluiceClient({ scanId: 'a', transport: 'pigeon' });
    // @ts-expect-error: a scan has to be named.
    new SluiceClient({});
    return count;
}

export const all = [connectionHasAll, clientHasAll, subscriptionHasAll];
