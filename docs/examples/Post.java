// Posts messages to a scan: one JSON object a line on standard input. Java 17 or later, without libraries.
//
//     export SLUICE_URL=https://localhost:8443 SLUICE_TOKEN=… SLUICE_CA=ca.crt
//     printf '%s\n' '{"type":"scanStarted"}' '{"type":"scanCompleted"}' | java Post.java nightly-1
//
// Exit code: 0 if all were taken, 1 if the gateway refused or could not be reached.

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

public class Post {
    private static final int AT_ONCE = 500;
    private static final int TRIES = 8;

    private final HttpClient client;
    private final URI uri;
    private final String token;

    private Post(HttpClient client, URI uri, String token) {
        this.client = client;
        this.uri = uri;
        this.token = token;
    }

    /** Posts an array. The key makes it safe to repeat: what the gateway has taken already, it does not take twice. */
    private void post(List<String> messages) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(uri).timeout(Duration.ofSeconds(30))
            .header("Authorization", "Bearer " + token).header("Content-Type", "application/json")
            .header("Idempotency-Key", UUID.randomUUID().toString())
            .POST(HttpRequest.BodyPublishers.ofString("[" + String.join(",", messages) + "]")).build();
        for (int attempt = 1;; attempt++) {
            String reason;
            boolean mayPass = true;
            long seconds = 1L << attempt;
            try {
                HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
                int status = answer.statusCode();
                if (status / 100 == 2) {
                    System.out.println(answer.body());
                    return;
                }
                reason = status + " " + answer.body();
                mayPass = status >= 500 || status == 408 || status == 429;
                seconds = answer.headers().firstValueAsLong("Retry-After").orElse(seconds);
            } catch (IOException error) {
                reason = error.toString();
            }
            if (!mayPass || attempt == TRIES) {
                throw new IOException(reason);
            }
            Thread.sleep(Math.min(seconds, 60) * 1000);
        }
    }

    /** Trusts the certificates of a PEM file and no others. */
    private static SSLContext trusting(Path file) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (var input = Files.newInputStream(file)) {
            for (var certificate : CertificateFactory.getInstance("X.509").generateCertificates(input)) {
                store.setCertificateEntry("ca-" + store.size(), certificate);
            }
        }
        var factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, factory.getTrustManagers(), null);
        return context;
    }

    public static void main(String[] arguments) throws Exception {
        var builder = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(Duration.ofSeconds(10));
        String authority = System.getenv("SLUICE_CA");
        if (authority != null) {
            builder.sslContext(trusting(Path.of(authority)));
        }
        URI uri = URI.create(System.getenv("SLUICE_URL") + "/api/scans/" + arguments[0] + "/progress");
        Post post = new Post(builder.build(), uri, System.getenv("SLUICE_TOKEN"));
        try (var input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            List<String> batch = new ArrayList<>();
            for (String line = input.readLine(); line != null; line = input.readLine()) {
                if (!line.isBlank()) {
                    batch.add(line);
                }
                if (batch.size() == AT_ONCE) {
                    post.post(batch);
                    batch.clear();
                }
            }
            if (!batch.isEmpty()) {
                post.post(batch);
            }
        } catch (IOException error) {
            System.err.println("post: " + error.getMessage());
            System.exit(1);
        }
    }
}
