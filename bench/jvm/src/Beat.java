import java.util.concurrent.CountDownLatch;

/** Says something five times a second for as long as the process lives. */
final class Beat implements Runnable {
    /** What is said. */
    interface Speech {
        void say() throws Exception;
    }

    private static final int BEAT_MILLIS = 200;

    private final Speech speech;
    private final CountDownLatch begun = new CountDownLatch(1);

    private Beat(Speech speech) {
        this.speech = speech;
    }

    /** Returns when it has been said once. */
    static void start(String name, Speech speech) throws InterruptedException {
        Beat beat = new Beat(speech);
        Thread thread = new Thread(beat, name);
        thread.setDaemon(true);
        thread.start();
        beat.begun.await();
    }

    @Override
    public void run() {
        try {
            while (true) {
                speech.say();
                begun.countDown();
                Thread.sleep(BEAT_MILLIS);
            }
        } catch (Exception e) {
            e.printStackTrace();
            System.exit(1);
        }
    }
}
