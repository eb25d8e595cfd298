import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.zip.CRC32;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import sun.misc.Unsafe;

/**
 * A service under bursts of requests, then idle: what its memory does afterwards is the question.
 *
 * <p>A pool of threads, as in a servlet container, handles a fixed number of requests per burst. A
 * request compresses and decompresses a text (zlib's native state: about 300 KB per request in
 * flight), fills a direct buffer that is left to the garbage collector, and allocates native blocks
 * of mixed sizes. Most blocks die with their request, some a few requests later, some with the
 * burst (and then by another thread), few live as long as the program: a cache that filled up.
 *
 * <p>All sizes and lifetimes come from a seed, so two runs do the same work, proved by the checksum
 * at the end. Standard output is for a program: "phase NAME MILLIS" when a phase begins, "result KEY
 * VALUE" before idling; after "phase end" the program waits for its standard input to close.
 */
public final class Bursts {
    /** Blocks an Unsafe user (a cache, a codec, a serializer) allocates per request. */
    private static final int BLOCKS_PER_REQUEST = 48;
    private static final int MIN_BLOCK = 16;
    private static final int MAX_BLOCK = 16 << 10;
    private static final int MIN_TEXT = 2 << 10;
    private static final int MAX_TEXT = 64 << 10;
    private static final int ALL_TEXT = 1 << 20;
    private static final int MIN_BUFFER = 4 << 10;
    private static final int MAX_BUFFER = 1 << 20;
    private static final int PAGE = 4096;

    private static final String[] WORDS = ("order customer invoice amount currency EUR USD city street created "
            + "updated id <item> </item> price quantity total status shipped pending { } : , \n").split(" ");

    private static final Unsafe UNSAFE = unsafe();

    private final int threads;
    private final int bursts;
    private final int requests;
    private final int pauseMillis;
    private final int idleMillis;
    private final long seed;

    /** What requests compress: each a random part of it. */
    private final byte[] text;
    /** Blocks that live as long as the program. */
    private final List<Long> cache = new ArrayList<>();

    private Bursts(int threads, int bursts, int requests, int pauseMillis, int idleMillis, long seed) {
        this.threads = threads;
        this.bursts = bursts;
        this.requests = requests;
        this.pauseMillis = pauseMillis;
        this.idleMillis = idleMillis;
        this.seed = seed;
        this.text = text(new SplittableRandom(seed));
    }

    public static void main(String[] args) throws Exception {
        int threads = 200;
        int bursts = 3;
        int requests = 40;
        int pauseMillis = 1500;
        int idleMillis = 8000;
        long seed = 1;
        for (int i = 0; i < args.length; i += 2) {
            if (i + 1 == args.length) {
                throw new IllegalArgumentException(args[i] + " needs a value");
            }
            int value = Integer.parseInt(args[i + 1]);
            switch (args[i]) {
                case "--threads" -> threads = value;
                case "--bursts" -> bursts = value;
                case "--requests" -> requests = value;
                case "--pause-ms" -> pauseMillis = value;
                case "--idle-ms" -> idleMillis = value;
                case "--seed" -> seed = value;
                default -> throw new IllegalArgumentException("unknown option " + args[i]);
            }
        }
        new Bursts(threads, bursts, requests, pauseMillis, idleMillis, seed).run();
    }

    private void run() throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(threads, task -> {
            Thread thread = new Thread(task);
            thread.setDaemon(true);
            return thread;
        });
        long checksum = 0;
        long busyNanos = 0;
        for (int burst = 1; burst <= bursts; burst++) {
            phase("burst-" + burst);
            long begun = System.nanoTime();
            checksum = checksum * 31 + burst(pool, burst);
            busyNanos += System.nanoTime() - begun;
            phase(burst < bursts ? "pause-" + burst : "idle");
            // What the requests dropped without closing is freed by Cleaners, after a collection.
            System.gc();
            if (burst < bursts) {
                Thread.sleep(pauseMillis);
            }
        }
        long done = (long) threads * bursts * requests;
        result("requests", Long.toString(done));
        result("busy_seconds", String.format("%.3f", busyNanos / 1e9));
        result("requests_per_second", String.format("%.1f", done / (busyNanos / 1e9)));
        result("checksum", Long.toHexString(checksum));
        Thread.sleep(idleMillis);
        phase("end");
        while (System.in.read() >= 0) {
            // Measured from outside meanwhile.
        }
        cache.forEach(UNSAFE::freeMemory);
    }

    /** One burst over all threads; the blocks that end with it are freed by a neighbour's thread. */
    private long burst(ExecutorService pool, int burst) throws InterruptedException, ExecutionException {
        List<Future<Worker>> running = new ArrayList<>();
        for (int t = 0; t < threads; t++) {
            Worker worker = new Worker(new SplittableRandom(seed * 1_000_003 + burst * 1_009 + t));
            running.add(pool.submit(worker::handleAll));
        }
        long checksum = 0;
        List<Future<?>> freeing = new ArrayList<>();
        for (Future<Worker> future : running) {
            Worker worker = future.get();
            checksum = checksum * 31 + worker.checksum;
            cache.addAll(worker.forever);
            freeing.add(pool.submit(() -> worker.untilBurstEnds.forEach(UNSAFE::freeMemory)));
        }
        for (Future<?> future : freeing) {
            future.get();
        }
        return checksum;
    }

    /** What one thread does in one burst. */
    private final class Worker {
        private final SplittableRandom random;
        private final ArrayDeque<List<Long>> later = new ArrayDeque<>();
        private final List<Long> untilBurstEnds = new ArrayList<>();
        private final List<Long> forever = new ArrayList<>();
        private long checksum;

        Worker(SplittableRandom random) {
            this.random = random;
        }

        Worker handleAll() throws IOException {
            for (int r = 0; r < requests; r++) {
                handle();
            }
            later.forEach(untilBurstEnds::addAll);
            later.clear();
            return this;
        }

        private void handle() throws IOException {
            ByteBuffer buffer = fillBuffer(size(MIN_BUFFER, MAX_BUFFER));
            List<Long> blocks = new ArrayList<>();
            allocateBlocks(blocks, BLOCKS_PER_REQUEST / 2);
            compressAndExpand(size(MIN_TEXT, MAX_TEXT));
            allocateBlocks(blocks, BLOCKS_PER_REQUEST / 2);
            checksum = checksum * 31 + buffer.get(buffer.capacity() - 1);
            release(blocks);
        }

        private ByteBuffer fillBuffer(int size) {
            ByteBuffer buffer = ByteBuffer.allocateDirect(size);
            while (buffer.remaining() >= Long.BYTES) {
                buffer.putLong(size);
            }
            return buffer;
        }

        private void allocateBlocks(List<Long> blocks, int count) {
            for (int i = 0; i < count; i++) {
                int size = size(MIN_BLOCK, MAX_BLOCK);
                long block = UNSAFE.allocateMemory(size);
                for (int at = 0; at + Long.BYTES <= size; at += PAGE) {
                    UNSAFE.putLong(block + at, size);
                }
                checksum += UNSAFE.getLong(block);
                blocks.add(block);
            }
        }

        /** Of 1000 blocks: 800 die now, 150 one to sixteen requests later, 45 with the burst, 5 never. */
        private void release(List<Long> blocks) {
            List<Long> delayed = new ArrayList<>();
            for (long block : blocks) {
                int fate = random.nextInt(1000);
                if (fate < 800) {
                    UNSAFE.freeMemory(block);
                } else if (fate < 950) {
                    delayed.add(block);
                } else if (fate < 995) {
                    untilBurstEnds.add(block);
                } else {
                    forever.add(block);
                }
            }
            later.add(delayed);
            if (later.size() > 1 + random.nextInt(16)) {
                later.poll().forEach(UNSAFE::freeMemory);
            }
        }

        /** One stream in eight is never closed, as in much real code: a Cleaner frees its native state. */
        private void compressAndExpand(int size) throws IOException {
            boolean close = random.nextInt(8) != 0;
            int at = random.nextInt(text.length - size);
            ByteArrayOutputStream packed = new ByteArrayOutputStream(size / 2);
            GZIPOutputStream out = new GZIPOutputStream(packed, 8192);
            out.write(text, at, size);
            out.finish();
            GZIPInputStream in = new GZIPInputStream(new ByteArrayInputStream(packed.toByteArray()), 8192);
            byte[] expanded = in.readNBytes(size);
            if (close) {
                out.close();
                in.close();
            }
            CRC32 crc = new CRC32();
            crc.update(expanded);
            checksum = checksum * 31 + crc.getValue();
        }

        /** Every power of two is as likely as any other: many small, few large. */
        private int size(int min, int max) {
            return (int) (min * Math.pow((double) max / min, random.nextDouble()));
        }
    }

    /** Words and numbers, about as compressible as XML or JSON. */
    private static byte[] text(SplittableRandom random) {
        StringBuilder out = new StringBuilder(ALL_TEXT + 64);
        while (out.length() < ALL_TEXT) {
            out.append(WORDS[random.nextInt(WORDS.length)]).append(' ');
            out.append(random.nextInt(100_000)).append(' ');
        }
        return out.toString().getBytes(StandardCharsets.US_ASCII);
    }

    private static void phase(String name) {
        System.out.println("phase " + name + " " + System.currentTimeMillis());
        System.out.flush();
    }

    private static void result(String key, String value) {
        System.out.println("result " + key + " " + value);
        System.out.flush();
    }

    private static Unsafe unsafe() {
        try {
            Field field = Unsafe.class.getDeclaredField("theUnsafe");
            field.setAccessible(true);
            return (Unsafe) field.get(null);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }
}
