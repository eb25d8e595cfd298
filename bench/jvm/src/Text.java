import static java.nio.charset.StandardCharsets.US_ASCII;

import java.util.SplittableRandom;

/** Text that packs to about a third, as logs and JSON do, and slices of it. */
final class Text {
    private static final int WORDS = 2000;

    private final byte[] text;

    Text(int length) {
        SplittableRandom random = new SplittableRandom(1);
        byte[][] words = new byte[WORDS][];
        for (int i = 0; i < WORDS; i++) {
            words[i] = word(random);
        }
        text = new byte[length];
        for (int at = 0; at < length;) {
            // The product makes some words common and most of them rare.
            byte[] word = words[(int) (WORDS * random.nextDouble() * random.nextDouble())];
            int count = Math.min(word.length, length - at);
            System.arraycopy(word, 0, text, at, count);
            at += count;
        }
    }

    private static byte[] word(SplittableRandom random) {
        byte[] word = new byte[3 + random.nextInt(12)];
        for (int i = 0; i < word.length - 1; i++) {
            word[i] = (byte) ('a' + random.nextInt(26));
        }
        word[word.length - 1] = ' ';
        return word;
    }

    byte[] bytes() {
        return text;
    }

    /** Where a slice of so many bytes may begin. */
    int from(SplittableRandom random, int length) {
        return random.nextInt(text.length - length + 1);
    }

    String slice(SplittableRandom random, int length) {
        return new String(text, from(random, length), length, US_ASCII);
    }
}
