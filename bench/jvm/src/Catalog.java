import java.util.SplittableRandom;

/** The workloads by name. */
final class Catalog {
    private Catalog() {
    }

    static Workload named(String name, Settings settings) {
        return switch (name) {
            case "netty" -> new NettyBursts();
            case "compress" -> new Compress();
            case "rocks" -> new Rocks();
            case "grpc" -> new GrpcStreams();
            case "leaks" -> new LeakedStreams();
            case "lucene" -> new LuceneIndex();
            case "storm" -> new CompileStorm();
            case "classes" -> new ClassStorm();
            case "threads" -> new ThreadChurn();
            case "web" -> new WebServer();
            case "wrk" -> new WrkClients();
            case "pushes" -> new SocketPushes();
            case "rest" -> new RestClient();
            case "logs" -> new LogFiles();
            case "direct" -> shared(new Direct());
            case "unsafe" -> shared(new UnsafeMix());
            case "jni" -> shared(new Tails());
            default -> throw new IllegalArgumentException("no workload is named " + name);
        };
    }

    /** One of the loads that bench/rss has, too. */
    private static Workload shared(Load load) {
        return new Workload() {
            @Override
            public void operate(SplittableRandom random) {
                load.operate(random);
            }

            @Override
            public void release() {
                load.release();
            }

            @Override
            public boolean isClean() {
                return load.isClean();
            }
        };
    }
}
