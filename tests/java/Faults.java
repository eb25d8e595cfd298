/*
 * Faults.java -- a JVM's daily faults, and bugs in its native code.
 *
 * "work": null checks in compiled code, the end of the stack, safepoints while
 * threads count; says "worked" at the end. "write", "read", "overflow",
 * "underflow", "twice": that bug, in native code of libfaults.so.
 */
public class Faults {
    static final int THREADS = 4;
    static final int ROUNDS = 3;

    static native void bug(String kind);

    int value;

    static int sum(Faults[] all) {
        int sum = 0;
        for (Faults one : all)
            sum += one.value;
        return sum;
    }

    /* The loop is compiled without a test for null: the fault is the test. */
    static void nullChecks() {
        Faults[] all = new Faults[1000];
        for (int i = 0; i < all.length; i++)
            all[i] = new Faults();
        for (int i = 0; i < 20000; i++)
            sum(all);
        int caught = 0;
        for (int i = 0; i < 2000; i++) {
            all[i % 1000] = null;
            try {
                sum(all);
            } catch (NullPointerException e) {
                caught++;
            }
            all[i % 1000] = new Faults();
        }
        if (caught != 2000)
            throw new IllegalStateException(caught + " of 2000 null pointers were caught");
    }

    static int deeper(int n) {
        return 1 + deeper(n + 1);
    }

    static void stackEnds() {
        int caught = 0;
        for (int i = 0; i < 20; i++) {
            try {
                deeper(0);
            } catch (StackOverflowError e) {
                caught++;
            }
        }
        if (caught != 20)
            throw new IllegalStateException(caught + " of 20 ends of the stack were caught");
    }

    static volatile boolean isOver;
    static volatile long counted;

    static void count() {
        while (!isOver) {
            long sum = 0;
            for (int i = 0; i < 1000000; i++)
                sum += i ^ sum;
            counted = sum;
        }
    }

    static void safepoints() throws InterruptedException {
        Thread counter = new Thread(Faults::count);
        counter.start();
        for (int i = 0; i < 20; i++) {
            System.gc();
            Thread.getAllStackTraces();
        }
        isOver = true;
        counter.join();
    }

    static void work() {
        for (int i = 0; i < ROUNDS; i++) {
            nullChecks();
            stackEnds();
        }
    }

    public static void main(String[] arguments) throws Exception {
        if (!arguments[0].equals("work")) {
            System.loadLibrary("faults");
            bug(arguments[0]);
            System.out.println("went on");
            return;
        }
        Thread[] threads = new Thread[THREADS];
        Throwable[] failed = new Throwable[1];
        for (int i = 0; i < THREADS; i++) {
            threads[i] = new Thread(Faults::work);
            threads[i].setUncaughtExceptionHandler((thread, why) -> failed[0] = why);
            threads[i].start();
        }
        safepoints();
        for (Thread thread : threads)
            thread.join();
        if (failed[0] != null)
            throw new IllegalStateException(failed[0]);
        System.out.println("worked");
    }
}
