import java.nio.ByteBuffer;
import java.util.SplittableRandom;
import java.util.zip.Deflater;

/**
 * Threads that come and go: an operation starts a few, each of which uses native memory of its own
 * for a moment, leaves a buffer to whoever started it, and ends.
 */
final class ThreadChurn implements Workload {
    private static final int THREADS = 4;
    private static final long STACK_BYTES = 512 << 10;

    private final Text text = new Text(1 << 20);
    private final Sizes lengths = new Sizes(1 << 10, 64 << 10);

    /** What a thread does in its short life. */
    private final class Task implements Runnable {
        private final SplittableRandom random;
        private ByteBuffer left;

        Task(SplittableRandom random) {
            this.random = random;
        }

        @Override
        public void run() {
            int length = lengths.next(random);
            int from = text.from(random, length);
            byte[] packed = new byte[length + 64];
            Deflater deflater = new Deflater(Deflater.BEST_SPEED);
            deflater.setInput(text.bytes(), from, length);
            deflater.finish();
            int size = deflater.deflate(packed);
            deflater.end();
            ByteBuffer scratch = ByteBuffer.allocateDirect(length);
            scratch.put(text.bytes(), from, length);
            left = ByteBuffer.allocateDirect(size).put(packed, 0, size);
            Native.UNSAFE.invokeCleaner(scratch);
        }
    }

    @Override
    public void operate(SplittableRandom random) throws InterruptedException {
        Task[] tasks = new Task[THREADS];
        Thread[] threads = new Thread[THREADS];
        for (int i = 0; i < THREADS; i++) {
            tasks[i] = new Task(random.split());
            threads[i] = new Thread(null, tasks[i], "short", STACK_BYTES);
            threads[i].start();
        }
        for (int i = 0; i < THREADS; i++) {
            threads[i].join();
            if (tasks[i].left == null || tasks[i].left.position() == 0) {
                throw new IllegalStateException("a thread left nothing");
            }
            Native.UNSAFE.invokeCleaner(tasks[i].left);
        }
    }

    @Override
    public void release() {
        // Threads have ended, buffers were freed by their operations.
    }
}
