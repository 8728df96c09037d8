// Arrays of texts as bytes.
package io.pyrpc.bindings;

import io.pyrpc.bindings.gen.DType;
import io.pyrpc.bindings.gen.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Arrays of texts as bytes. */
final class Texts {
    private Texts() {}

    /** Data of dtype STRING: one more offset than texts, then the texts, in UTF-8. */
    static ByteBuffer encoded(String[] texts) {
        ByteBuffer[] encoded = new ByteBuffer[texts.length];
        long bytes = 8L * (texts.length + 1L);
        for (int index = 0; index < texts.length; index++) {
            encoded[index] = encoded(texts[index], index);
            bytes += encoded[index].remaining();
        }
        ByteBuffer data = ByteBuffer.allocate(Dtypes.size(bytes)).order(ByteOrder.LITTLE_ENDIAN);
        long end = 0;
        data.putLong(end);
        for (ByteBuffer text : encoded) {
            end += text.remaining();
            data.putLong(end);
        }
        for (ByteBuffer text : encoded) {
            data.put(text);
        }
        return data.flip();
    }

    private static ByteBuffer encoded(String text, int index) {
        try {
            return StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
        } catch (CharacterCodingException error) {
            throw new IllegalArgumentException("text " + index + " is no Unicode: a surrogate stands alone", error);
        }
    }

    /** The texts of a tensor. */
    static String[] decoded(Tensor tensor) {
        return switch (tensor.getDtype()) {
            case STRING -> variable(tensor);
            case UNICODE, BYTES -> fixed(tensor);
            default -> throw new IllegalArgumentException("the tensor holds " + tensor.getDtype() + ", which is no text");
        };
    }

    private static String[] variable(Tensor tensor) {
        ByteBuffer data = tensor.data.slice().order(ByteOrder.LITTLE_ENDIAN);
        long count = Shapes.count(Tensors.shape(tensor));
        if (data.remaining() / 8 <= count) {
            throw new IllegalArgumentException(
                    data.remaining() + " bytes are too few for the offsets of " + count + " texts");
        }
        String[] texts = new String[(int) count];
        int base = 8 * (texts.length + 1);
        long size = data.remaining() - base;
        for (int index = 0; index < texts.length; index++) {
            long start = data.getLong(8 * index);
            long end = data.getLong(8 * index + 8);
            if (start < 0 || start > end || end > size) {
                throw new IllegalArgumentException(
                        "text " + index + " goes from " + start + " to " + end + " of " + size + " bytes");
            }
            texts[index] = StandardCharsets.UTF_8
                    .decode(data.slice(base + (int) start, (int) (end - start)))
                    .toString();
        }
        return texts;
    }

    private static String[] fixed(Tensor tensor) {
        int width = tensor.getItemsize();
        boolean isUnicode = tensor.getDtype() == DType.UNICODE;
        if (isUnicode && width % 4 != 0) {
            throw new IllegalArgumentException(width + " bytes are no whole number of code points");
        }
        ByteBuffer data = Dtypes.elements(tensor, width);
        long count = Shapes.count(Tensors.shape(tensor));
        // Texts without a byte cost memory all the same.
        if (count > ConnectionConfig.MAX_FRAME_BYTES / 8) {
            throw new IllegalArgumentException(count + " texts are too many");
        }
        String[] texts = new String[(int) count];
        for (int index = 0; index < texts.length; index++) {
            ByteBuffer element = data.slice(index * width, width).order(ByteOrder.LITTLE_ENDIAN);
            texts[index] = trimmed(isUnicode ? codePoints(element) : latin(element));
        }
        return texts;
    }

    private static String latin(ByteBuffer element) {
        return StandardCharsets.ISO_8859_1.decode(element).toString();
    }

    private static String codePoints(ByteBuffer element) {
        StringBuilder text = new StringBuilder(element.remaining() / 4);
        while (element.hasRemaining()) {
            text.appendCodePoint(element.getInt());
        }
        return text.toString();
    }

    private static String trimmed(String text) {
        int end = text.length();
        while (end > 0 && text.charAt(end - 1) == 0) {
            end--;
        }
        return text.substring(0, end);
    }
}
