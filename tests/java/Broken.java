/** Native code that breaks the heap, by the name of what it does. */
public final class Broken {
    private static native void freeTwice();

    private static native void writeBehind();

    private static native void writeAfterFree();

    public static void main(String[] args) {
        System.loadLibrary("broken");
        switch (args[0]) {
            case "freeTwice" -> freeTwice();
            case "writeBehind" -> writeBehind();
            case "writeAfterFree" -> writeAfterFree();
            default -> throw new IllegalArgumentException(args[0]);
        }
        System.out.println("nobody minded");
    }
}
