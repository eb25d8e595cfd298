import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/** What stands on the command line as NAME=VALUE. What nobody asked for is a mistake. */
final class Settings {
    private final Map<String, String> values = new TreeMap<>();
    private final TreeSet<String> asked = new TreeSet<>();

    Settings(String[] arguments, int from) {
        for (int i = from; i < arguments.length; i++) {
            int at = arguments[i].indexOf('=');
            if (at <= 0) {
                throw new IllegalArgumentException(arguments[i] + " does not look like NAME=VALUE");
            }
            values.put(arguments[i].substring(0, at), arguments[i].substring(at + 1));
        }
    }

    String text(String name, String otherwise) {
        asked.add(name);
        return values.computeIfAbsent(name, missing -> otherwise);
    }

    int number(String name, int otherwise) {
        return Integer.parseInt(text(name, Integer.toString(otherwise)));
    }

    /** A folder to write to; whoever starts the program removes it. */
    Path folder() {
        return Path.of(text("folder", System.getProperty("java.io.tmpdir")));
    }

    /** To be called when all that can be asked for has been. */
    void refuseOthers() {
        TreeSet<String> others = new TreeSet<>(values.keySet());
        others.removeAll(asked);
        if (!others.isEmpty()) {
            throw new IllegalArgumentException("unknown: " + others);
        }
    }

    /** All values, those that nobody set included. */
    Map<String, String> all() {
        return values;
    }
}
