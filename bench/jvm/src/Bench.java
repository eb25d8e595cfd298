import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.util.stream.Collectors;

/**
 * Bench NAME [SETTING=VALUE]... runs one workload: a fixed number of operations by a fixed number
 * of threads, in waves with pauses between them; then everything is dropped, collections follow
 * until cleaners ran, and the process idles until its standard input ends.
 *
 * <p>On standard output, a line of JSON each ({@link Marks}): "boot" with the JVM's options and the
 * settings, "start", "wave" for each, "result" with the figures, "rest", "end".
 */
public final class Bench {
    private Bench() {
    }

    public static void main(String[] args) throws Exception {
        Settings settings = new Settings(args, 1);
        int threads = settings.number("threads", 8);
        int operations = settings.number("ops", 1000);
        int waves = settings.number("waves", 3);
        int warmUp = settings.number("warmup", operations / 10);
        int pauseMillis = settings.number("pause_ms", 500);
        boolean isLedger = settings.number("ledger", 0) == 1;
        boolean isBill = settings.number("bill", 0) == 1;
        settings.folder();
        // Before a load counts direct buffers: these two make the JDK keep some of its own.
        Waves.cpuNow();
        if (isLedger) {
            Ledger.start();
        }
        if (isBill) {
            Bill.start();
        }
        Workload load = Catalog.named(args[0], settings);

        load.open(settings);
        settings.refuseOthers();
        sayBoot(args[0], settings);
        Waves crew = new Waves(load, threads);
        crew.run(warmUp);
        load.calm();
        crew.reset();
        Marks.say("start");
        for (int i = 0; i < waves; i++) {
            long nanos = crew.run(operations / waves);
            load.calm();
            Marks.say("wave", "number", i + 1, "work_ns", nanos);
            if (i + 1 < waves) {
                // Not to wait for anything: a pause is part of the load.
                Thread.sleep(pauseMillis);
            }
        }
        Marks.say("result", crew.figures());
        load.release();
        Cleaning.untilClean(load::isClean);
        Marks.say("rest");
        Marks.say("end");
        // Whoever looks at what the process keeps says when it has seen enough.
        while (System.in.read() >= 0) {
            continue;
        }
        load.close();
        System.exit(0);
    }

    private static void sayBoot(String name, Settings settings) throws Exception {
        Marks.say("boot",
                "pid", ProcessHandle.current().pid(),
                "workload", name,
                "java", System.getProperty("java.vm.version"),
                "collectors", ManagementFactory.getGarbageCollectorMXBeans().stream()
                        .map(GarbageCollectorMXBean::getName).collect(Collectors.joining(", ")),
                "heap_bytes", Runtime.getRuntime().maxMemory(),
                "options", String.join(" ", ManagementFactory.getRuntimeMXBean().getInputArguments()),
                "settings", settings.all());
    }
}
