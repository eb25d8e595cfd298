import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.reflect.Field;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import sun.misc.Unsafe;

/**
 * The loads that the tests put on a JVM, each a word of the command line with its numbers:
 * "gzip:8,20 direct:4,50". Each verifies what it wrote; the first difference ends the program with
 * an exception. "library PATH" is printed when PATH, the last argument, is mapped; "passed LOAD"
 * after each load.
 */
public final class Load {
    private static final Unsafe UNSAFE = unsafe();

    private static native long allocate(int size, int kind);

    private static native long grow(long block, int oldSize, int newSize);

    private static native boolean checkAndFree(long block, int size);

    private static native int copyString(String text, byte[] bytes);

    public static void main(String[] args) throws Exception {
        for (int i = 0; i + 1 < args.length; i++) {
            String[] parts = args[i].split(":", 2);
            int[] numbers = parts.length == 1 ? new int[0]
                    : Arrays.stream(parts[1].split(",")).mapToInt(Integer::parseInt).toArray();
            switch (parts[0]) {
                case "gzip" -> gzip(numbers[0], numbers[1]);
                case "direct" -> direct(numbers[0], numbers[1]);
                case "jni" -> jni(numbers[0], numbers[1]);
                case "strings" -> strings(numbers[0]);
                case "threads" -> threads(numbers[0]);
                case "children" -> children(numbers[0], numbers[1], args[args.length - 1]);
                case "hold" -> hold(numbers[0]);
                case "burst" -> burst(numbers[0], numbers[1]);
                default -> throw new IllegalArgumentException(args[i]);
            }
            say("passed " + args[i]);
        }
        String library = args[args.length - 1];
        Path maps = Path.of("/proc/self/maps");
        if (Files.exists(maps) && isMapped(Files.readString(maps), library)) {
            say("library " + library);
        }
    }

    /** Streams of several threads at once; some of them are left to the Cleaner. */
    private static void gzip(int threads, int rounds) throws Exception {
        inThreads(threads, number -> {
            Random random = new Random(number);
            for (int round = 0; round < rounds; round++) {
                byte[] text = new byte[1 + random.nextInt(200_000)];
                for (int at = 0; at < text.length; at++) {
                    text[at] = (byte) (random.nextInt() >>> random.nextInt(32));
                }
                ByteArrayOutputStream packed = new ByteArrayOutputStream();
                GZIPOutputStream out = new GZIPOutputStream(packed);
                out.write(text);
                out.finish();
                GZIPInputStream in = new GZIPInputStream(new ByteArrayInputStream(packed.toByteArray()));
                if (!Arrays.equals(in.readAllBytes(), text)) {
                    throw new AssertionError("gzip gave back something else");
                }
                if (round % 4 != 0) {
                    out.close();
                    in.close();
                }
            }
        });
        System.gc();
    }

    /** Direct buffers and blocks of Unsafe, kept for a while, grown, checked and let go. */
    private static void direct(int threads, int rounds) throws Exception {
        inThreads(threads, number -> {
            Random random = new Random(number);
            ByteBuffer[] kept = new ByteBuffer[8];
            for (int round = 0; round < rounds; round++) {
                ByteBuffer buffer = ByteBuffer.allocateDirect(1 << random.nextInt(20));
                for (int at = 0; at < buffer.capacity(); at += 61) {
                    if (buffer.get(at) != 0) {
                        throw new AssertionError("a fresh direct buffer is not zero");
                    }
                    buffer.put(at, (byte) at);
                }
                int slot = random.nextInt(kept.length);
                check(kept[slot]);
                kept[slot] = buffer;

                int size = 8 + random.nextInt(1 << random.nextInt(22));
                long block = UNSAFE.allocateMemory(size);
                UNSAFE.setMemory(block, size, (byte) number);
                block = UNSAFE.reallocateMemory(block, 2L * size);
                for (int at = 0; at < size; at += 127) {
                    if (UNSAFE.getByte(block + at) != (byte) number) {
                        throw new AssertionError("reallocateMemory lost a byte");
                    }
                }
                UNSAFE.freeMemory(block);
            }
            for (ByteBuffer buffer : kept) {
                check(buffer);
            }
        });
        System.gc();
    }

    private static void check(ByteBuffer buffer) {
        for (int at = 0; buffer != null && at < buffer.capacity(); at += 61) {
            if (buffer.get(at) != (byte) at) {
                throw new AssertionError("a direct buffer changed");
            }
        }
    }

    /** A block on its way from the thread that allocated it to the one that frees it. */
    private record Block(long address, int size) {
    }

    /** Native code: half of the threads allocate, the other half grow some, check and free. */
    private static void jni(int pairs, int blocks) throws Exception {
        System.loadLibrary("cross");
        List<BlockingQueue<Block>> queues = new ArrayList<>();
        for (int i = 0; i < pairs; i++) {
            queues.add(new ArrayBlockingQueue<>(64));
        }
        inThreads(2 * pairs, number -> {
            BlockingQueue<Block> queue = queues.get(number / 2);
            Random random = new Random(number);
            for (int i = 0; i < blocks; i++) {
                if (number % 2 == 0) {
                    int size = 1 + random.nextInt(1 << random.nextInt(19));
                    queue.put(new Block(allocate(size, i % 4), size));
                    continue;
                }
                Block block = queue.take();
                if (i % 3 == 0) {
                    int size = 1 + block.size * 2;
                    block = new Block(grow(block.address, block.size, size), size);
                }
                if (!checkAndFree(block.address, block.size)) {
                    throw new AssertionError("a native block of " + block.size + " bytes changed");
                }
            }
        });
    }

    /** GetStringUTFChars and GetByteArrayElements: malloc and free of any size by the JVM. */
    private static void strings(int rounds) {
        System.loadLibrary("cross");
        for (int round = 0; round < rounds; round++) {
            String text = "x".repeat(round * 7 % 100_000);
            byte[] bytes = text.getBytes();
            if (copyString(text, bytes) != bytes.length) {
                throw new AssertionError("a string of " + bytes.length + " bytes changed");
            }
        }
    }

    /** All threads are alive at once, each with something allocated, before any may end. */
    private static void threads(int count) throws Exception {
        CountDownLatch born = new CountDownLatch(count);
        Thread[] threads = new Thread[count];
        long[] blocks = new long[count];
        for (int i = 0; i < count; i++) {
            int number = i;
            threads[i] = new Thread(null, () -> {
                long block = UNSAFE.allocateMemory(1000);
                UNSAFE.setMemory(block, 1000, (byte) number);
                blocks[number] = block;
                born.countDown();
                try {
                    born.await();
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
            }, "short-lived-" + i, 256 << 10);
            threads[i].start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        for (int i = 0; i < count; i++) {
            if (UNSAFE.getByte(blocks[i] + 999) != (byte) i) {
                throw new AssertionError("a dead thread's block changed");
            }
            UNSAFE.freeMemory(blocks[i]);
        }
    }

    /** Children of several threads at once, while others allocate; each has the library too. */
    private static void children(int threads, int each, String library) throws Exception {
        inThreads(threads, number -> {
            for (int i = 0; i < each; i++) {
                Process child = new ProcessBuilder("cat", "/proc/self/maps").redirectErrorStream(true).start();
                long block = UNSAFE.allocateMemory(10_000);
                String maps = new String(child.getInputStream().readAllBytes());
                UNSAFE.freeMemory(block);
                if (child.waitFor() != 0 || !isMapped(maps, library)) {
                    throw new AssertionError("a child ended with " + child.exitValue() + ": " + maps);
                }
            }
        });
    }

    /** Holds megabytes, half in small and half in large blocks, until a line comes; frees them; again. */
    private static void hold(int megabytes) throws IOException {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        List<Long> blocks = new ArrayList<>();
        for (long bytes = 0; bytes < (long) megabytes << 20;) {
            for (int size : new int[] {64 << 10, 1 << 10}) {
                for (int sum = 0; sum < 64 << 10; sum += size) {
                    long block = UNSAFE.allocateMemory(size);
                    UNSAFE.setMemory(block, size, (byte) 1);
                    blocks.add(block);
                }
                bytes += 64 << 10;
            }
        }
        say("holding");
        in.readLine();
        blocks.forEach(UNSAFE::freeMemory);
        say("freed");
        in.readLine();
    }

    /** The same in threads that all hold their share at once, and live on when it is freed. */
    private static void burst(int threads, int megabytes) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        CyclicBarrier barrier = new CyclicBarrier(threads + 1);
        long share = ((long) megabytes << 20) / threads;
        for (int i = 0; i < threads; i++) {
            int number = i;
            Thread thread = new Thread(null, () -> holdAndWait(number, share, barrier), "burst-" + i, 256 << 10);
            thread.setDaemon(true);
            thread.start();
        }
        barrier.await();
        say("holding");
        in.readLine();
        barrier.await();
        barrier.await();
        say("freed");
        in.readLine();
        barrier.await();
    }

    private static void holdAndWait(int number, long bytes, CyclicBarrier barrier) {
        Random random = new Random(number);
        List<Long> blocks = new ArrayList<>();
        try {
            for (long sum = 0; sum < bytes;) {
                int size = 16 + random.nextInt(1 << 5 + random.nextInt(11));
                long block = UNSAFE.allocateMemory(size);
                UNSAFE.setMemory(block, size, (byte) 1);
                blocks.add(block);
                sum += size;
            }
            barrier.await();
            barrier.await();
            blocks.forEach(UNSAFE::freeMemory);
            barrier.await();
            barrier.await();
        } catch (InterruptedException | BrokenBarrierException e) {
            throw new AssertionError(e);
        }
    }

    private interface Body {
        void run(int number) throws Exception;
    }

    /** Runs the body in so many threads, all begun at once; the first exception comes out. */
    private static void inThreads(int threads, Body body) throws InterruptedException, ExecutionException {
        ExecutorService pool = Executors.newFixedThreadPool(threads, task -> {
            Thread thread = new Thread(task);
            thread.setDaemon(true);
            return thread;
        });
        CyclicBarrier start = new CyclicBarrier(threads);
        List<Future<?>> running = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            int number = i;
            running.add(pool.submit((Callable<Void>) () -> {
                start.await();
                body.run(number);
                return null;
            }));
        }
        for (Future<?> future : running) {
            future.get();
        }
        pool.shutdown();
    }

    private static boolean isMapped(String maps, String library) {
        return maps.lines().anyMatch(line -> line.endsWith(" " + library));
    }

    private static void say(String line) {
        System.out.println(line);
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
