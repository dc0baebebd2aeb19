/// What a subscription tells its connection.
package protocol SubscriptionDelegate: AnyObject {
    /// The subscription ended; nothing more comes of it.
    func subscriptionEnded(_ subscriber: Subscriber, _ end: SubscriptionEnd)
}
