import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/**
 * gRPC streams in both directions on loopback. An operation opens a stream, sends a burst of
 * messages without waiting, and takes the echoes. Of the streams a part is broken: cancelled by the
 * client with messages under way, or refused by the server in the middle.
 */
final class GrpcStreams implements Workload {
    private static final int CHANNELS = 4;
    private static final int MOST_MESSAGES = 32;
    private static final int LIMIT_SECONDS = 60;
    /** A message whose first byte is this makes the server fail. */
    private static final byte POISON = 0;

    private static final MethodDescriptor.Marshaller<byte[]> BYTES = new MethodDescriptor.Marshaller<>() {
        @Override
        public InputStream stream(byte[] value) {
            return new ByteArrayInputStream(value);
        }

        @Override
        public byte[] parse(InputStream stream) {
            try {
                return stream.readAllBytes();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    };

    private static final MethodDescriptor<byte[], byte[]> ECHO =
            MethodDescriptor.newBuilder(BYTES, BYTES).setType(MethodDescriptor.MethodType.BIDI_STREAMING)
                    .setFullMethodName("bench.Echo/Stream").build();

    private final Text text = new Text(4 << 20);
    private final Sizes lengths = new Sizes(128, 96 << 10);
    private final ManagedChannel[] channels = new ManagedChannel[CHANNELS];
    private ExecutorService workers;
    private Server server;
    private int brokenOf100;

    /** Sends back each message. */
    private static final class Echo implements StreamObserver<byte[]> {
        private final StreamObserver<byte[]> back;
        private boolean isOver;

        Echo(StreamObserver<byte[]> back) {
            this.back = back;
        }

        @Override
        public void onNext(byte[] message) {
            if (isOver) {
                return;
            }
            if (message[0] == POISON) {
                isOver = true;
                back.onError(Status.ABORTED.asRuntimeException());
                return;
            }
            back.onNext(message);
        }

        @Override
        public void onError(Throwable cause) {
            isOver = true;
        }

        @Override
        public void onCompleted() {
            if (!isOver) {
                back.onCompleted();
            }
        }
    }

    /** A client's side: counts what comes until the stream ends, in whatever way. */
    private static final class Replies implements ClientResponseObserver<byte[], byte[]> {
        private final CountDownLatch end = new CountDownLatch(1);
        private final int cancelAfter;
        private ClientCallStreamObserver<byte[]> call;
        private volatile int messages;
        private volatile long bytes;
        private volatile Throwable cause;

        Replies(int cancelAfter) {
            this.cancelAfter = cancelAfter;
        }

        @Override
        public void beforeStart(ClientCallStreamObserver<byte[]> started) {
            call = started;
        }

        @Override
        public void onNext(byte[] message) {
            bytes += message.length;
            messages++;
            if (messages == cancelAfter) {
                call.cancel("enough", null);
            }
        }

        @Override
        public void onError(Throwable thrown) {
            cause = thrown;
            end.countDown();
        }

        @Override
        public void onCompleted() {
            end.countDown();
        }
    }

    @Override
    public void open(Settings settings) throws IOException {
        brokenOf100 = settings.number("broken_of_100", 25);
        workers = Executors.newFixedThreadPool(settings.number("workers", 16));
        server = NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                .executor(workers)
                .addService(ServerServiceDefinition.builder("bench.Echo")
                        .addMethod(ECHO, ServerCalls.asyncBidiStreamingCall(Echo::new)).build())
                .build().start();
        for (int i = 0; i < CHANNELS; i++) {
            channels[i] = connect();
        }
    }

    private ManagedChannel connect() {
        return NettyChannelBuilder.forAddress(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), server.getPort()))
                .executor(workers).usePlaintext().build();
    }

    @Override
    public void operate(SplittableRandom random) throws InterruptedException {
        int count = 1 + random.nextInt(MOST_MESSAGES);
        boolean isBroken = random.nextInt(100) < brokenOf100;
        boolean isCancelled = isBroken && random.nextBoolean();
        Replies replies = new Replies(isCancelled ? 1 + count / 2 : Integer.MAX_VALUE);
        ClientCall<byte[], byte[]> call =
                channels[random.nextInt(CHANNELS)].newCall(ECHO, CallOptions.DEFAULT);
        StreamObserver<byte[]> out = ClientCalls.asyncBidiStreamingCall(call, replies);
        long sent = 0;
        for (int i = 0; i < count; i++) {
            int length = lengths.next(random);
            int from = text.from(random, length);
            byte[] message = Arrays.copyOfRange(text.bytes(), from, from + length);
            if (isBroken && !isCancelled && i == count / 2) {
                message[0] = POISON;
            }
            sent += length;
            send(out, message, isBroken);
        }
        finish(out, isBroken);
        if (!replies.end.await(LIMIT_SECONDS, TimeUnit.SECONDS)) {
            throw new IllegalStateException("a stream hangs");
        }
        check(replies, isBroken, sent);
    }

    /** To a stream that has been broken meanwhile nothing can be sent. */
    private static void send(StreamObserver<byte[]> out, byte[] message, boolean isBroken) {
        try {
            out.onNext(message);
        } catch (IllegalStateException e) {
            if (!isBroken) {
                throw e;
            }
        }
    }

    private static void finish(StreamObserver<byte[]> out, boolean isBroken) {
        try {
            out.onCompleted();
        } catch (IllegalStateException e) {
            if (!isBroken) {
                throw e;
            }
        }
    }

    private static void check(Replies replies, boolean isBroken, long sent) {
        if (!isBroken && (replies.cause != null || replies.bytes != sent)) {
            throw new IllegalStateException("got " + replies.bytes + " of " + sent + " bytes",
                    replies.cause);
        }
    }

    @Override
    public void release() throws InterruptedException {
        for (ManagedChannel channel : channels) {
            channel.shutdownNow().awaitTermination(LIMIT_SECONDS, TimeUnit.SECONDS);
        }
    }

    @Override
    public void close() {
        server.shutdownNow();
        workers.shutdownNow();
    }
}
