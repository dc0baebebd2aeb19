// Java's HttpClient, which chooses HTTP/2 by itself. What it does is said in ../test_http2_clients.py.
import java.io.InputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Iterator;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

public class Client {
    private static final String SCAN = System.getenv("SCAN_URL");

    private static HttpRequest request(String method, String path, String token, String kind, BodyPublisher body) {
        HttpRequest.Builder builder = HttpRequest.newBuilder(URI.create(SCAN + path)).method(method, body)
            .header("Authorization", "Bearer " + System.getenv(token));
        return (kind == null ? builder : builder.header("Content-Type", kind)).build();
    }

    private static void tell(String what, HttpResponse<String> response) {
        System.out.println(what + " " + number(response) + " " + response.statusCode() + " " + response.body().strip());
    }

    private static int number(HttpResponse<?> response) {
        return response.version() == HttpClient.Version.HTTP_2 ? 2 : 1;
    }

    private static void until(String kind, HttpResponse<?> response, Iterator<String> lines) {
        while (!lines.next().contains("\"type\":\"" + kind + "\"")) { }
        System.out.println("event " + number(response) + " " + response.statusCode() + " " + kind);
    }

    private static SSLContext trusting(String file) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null);
        try (InputStream stream = Files.newInputStream(Path.of(file))) {
            store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(stream));
        }
        TrustManagerFactory managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        managers.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, managers.getTrustManagers(), null);
        return context;
    }

    public static void main(String[] arguments) throws Exception {
        HttpClient client = HttpClient.newBuilder().sslContext(trusting(System.getenv("CA"))).build();
        tell("post", client.send(
            request("POST", "/progress", "PRODUCER", "application/json", BodyPublishers.ofString("[{\"type\":\"a\"},{\"type\":\"b\"}]")),
            BodyHandlers.ofString()));
        tell("get", client.send(request("GET", "", "READER", null, BodyPublishers.noBody()), BodyHandlers.ofString()));

        HttpResponse<Stream<String>> events = client.send(
            request("GET", "/events?since=0", "READER", null, BodyPublishers.noBody()), BodyHandlers.ofLines());
        Iterator<String> lines = events.body().iterator();
        until("b", events, lines);
        PipedInputStream body = new PipedInputStream();
        PipedOutputStream writer = new PipedOutputStream(body);
        CompletableFuture<HttpResponse<String>> upload = client.sendAsync(
            request("POST", "/progress", "PRODUCER", "application/x-ndjson", BodyPublishers.ofInputStream(() -> body)),
            BodyHandlers.ofString());
        for (String kind : new String[] {"first", "second"}) {
            writer.write(("{\"type\":\"" + kind + "\"}\n").getBytes(StandardCharsets.UTF_8));
            writer.flush();
            until(kind, events, lines);
        }
        writer.close();
        tell("stream", upload.get());
        System.exit(0);
    }
}
