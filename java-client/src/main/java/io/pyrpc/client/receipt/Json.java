package io.pyrpc.client.receipt;

import io.pyrpc.errors.ConfigException;
import io.pyrpc.errors.Detail;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Plain maps, lists, numbers, texts, booleans and nulls as JSON, and back. */
final class Json {
    private static final int MAX_DEPTH = 64;
    private static final String HELP = "Receipt.save and toJson write what can be read";

    private final String text;
    private int at;

    private Json(String text) {
        this.text = text;
    }

    // -- writing

    static String write(Object value) {
        StringBuilder out = new StringBuilder();
        write(out, value);
        return out.toString();
    }

    private static void write(StringBuilder out, Object value) {
        if (value instanceof Map<?, ?> map) {
            String before = "{";
            for (Map.Entry<?, ?> entry : map.entrySet()) {
                quote(out.append(before), (String) entry.getKey());
                write(out.append(": "), entry.getValue());
                before = ", ";
            }
            out.append(map.isEmpty() ? "{}" : "}");
        } else if (value instanceof List<?> list) {
            String before = "[";
            for (Object item : list) {
                write(out.append(before), item);
                before = ", ";
            }
            out.append(list.isEmpty() ? "[]" : "]");
        } else if (value instanceof String string) {
            quote(out, string);
        } else {
            out.append(value);
        }
    }

    private static void quote(StringBuilder out, String string) {
        out.append('"');
        for (int index = 0; index < string.length(); index++) {
            char c = string.charAt(index);
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < ' ' || c > '~') {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        out.append('"');
    }

    // -- reading

    /**
     * The value that a text holds: numbers as Long or Double.
     *
     * @throws ConfigException it is no JSON
     */
    static Object read(String text, String where) {
        Json json = new Json(text);
        try {
            Object value = json.value(0);
            json.skipBlanks();
            if (json.at != text.length()) {
                throw new IllegalArgumentException("something follows the value");
            }
            return value;
        } catch (IllegalArgumentException | StringIndexOutOfBoundsException wrong) {
            String got = wrong.getMessage() + " (character " + json.at + ")";
            throw new ConfigException(where + " is no JSON", Detail.NONE.withGot(got).withHelp(HELP));
        }
    }

    private Object value(int depth) {
        if (depth > MAX_DEPTH) {
            throw new IllegalArgumentException("it is nested too deeply");
        }
        skipBlanks();
        char c = text.charAt(at);
        return switch (c) {
            case '{' -> map(depth);
            case '[' -> list(depth);
            case '"' -> string();
            default -> plain();
        };
    }

    private Map<String, Object> map(int depth) {
        Map<String, Object> map = new LinkedHashMap<>();
        at++;
        for (boolean isFirst = true; !take('}'); isFirst = false) {
            expectComma(isFirst);
            skipBlanks();
            String key = string();
            skipBlanks();
            expect(':');
            map.put(key, value(depth + 1));
        }
        return map;
    }

    private List<Object> list(int depth) {
        List<Object> list = new ArrayList<>();
        at++;
        for (boolean isFirst = true; !take(']'); isFirst = false) {
            expectComma(isFirst);
            list.add(value(depth + 1));
        }
        return list;
    }

    private void expectComma(boolean isFirst) {
        if (!isFirst) {
            expect(',');
        }
    }

    private String string() {
        expect('"');
        StringBuilder string = new StringBuilder();
        for (char c = text.charAt(at++); c != '"'; c = text.charAt(at++)) {
            string.append(c == '\\' ? escaped() : c);
        }
        return string.toString();
    }

    private char escaped() {
        char c = text.charAt(at++);
        return switch (c) {
            case 'n' -> '\n';
            case 't' -> '\t';
            case 'r' -> '\r';
            case 'b' -> '\b';
            case 'f' -> '\f';
            case 'u' -> (char) Integer.parseInt(text.substring(at, at += 4), 16);
            case '"', '\\', '/' -> c;
            default -> throw new IllegalArgumentException("the escape \\" + c + " is unknown");
        };
    }

    private Object plain() {
        int start = at;
        while (at < text.length() && "+-.".indexOf(text.charAt(at)) >= 0
                || at < text.length() && Character.isLetterOrDigit(text.charAt(at))) {
            at++;
        }
        String word = text.substring(start, at);
        return switch (word) {
            case "null" -> null;
            case "true" -> true;
            case "false" -> false;
            case "NaN" -> Double.NaN;
            case "Infinity" -> Double.POSITIVE_INFINITY;
            case "-Infinity" -> Double.NEGATIVE_INFINITY;
            default -> number(word);
        };
    }

    private static Object number(String word) {
        if (word.matches("-?[0-9]{1,18}")) {
            return Long.parseLong(word);
        }
        return new BigDecimal(word).doubleValue();
    }

    private boolean take(char wanted) {
        skipBlanks();
        if (text.charAt(at) != wanted) {
            return false;
        }
        at++;
        return true;
    }

    private void expect(char wanted) {
        if (text.charAt(at) != wanted) {
            throw new IllegalArgumentException("'" + wanted + "' is missing");
        }
        at++;
    }

    private void skipBlanks() {
        while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
            at++;
        }
    }
}
