package io.pyrpc.bench;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/** A contender as a process: {@code Drive CONTENDER ENDPOINT...}, asked in lines of JSON as the Python drivers are. */
public final class Drive {
    private static final Gson GSON = new GsonBuilder().serializeNulls().create();

    private Drive() {}

    /** Answer until stdin ends. */
    public static void main(String[] arguments) throws Exception {
        String[] endpoints = Arrays.copyOfRange(arguments, 1, arguments.length);
        BufferedReader requests = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        try (Caller caller = connect(arguments[0], endpoints)) {
            Tasks tasks = new Tasks(caller);
            System.out.println("ready");
            for (String line = requests.readLine(); line != null; line = requests.readLine()) {
                System.out.println(GSON.toJson(answer(tasks, JsonParser.parseString(line).getAsJsonObject())));
            }
        }
    }

    private static Map<String, Object> answer(Tasks tasks, JsonObject request) {
        Map<String, Object> answer = new HashMap<>();
        try {
            answer.put("value", tasks.run(request));
        } catch (Exception | OutOfMemoryError error) {
            answer.put("error", error.toString());
        }
        return answer;
    }

    private static Caller connect(String contender, String[] endpoints) throws Exception {
        String kind = contender.split(":")[0];
        String variant = contender.substring(Math.min(contender.length(), kind.length() + 1));
        int colon = endpoints[0].lastIndexOf(':');
        String host = endpoints[0].substring(0, colon);
        int port = Integer.parseInt(endpoints[0].substring(colon + 1));
        return switch (kind) {
            case "pyrpc" -> new OurCaller(String.join(",", endpoints), !variant.equals("dropped"));
            case "stock" -> new StockCaller(host, port, variant);
            case "grpc" -> new GrpcCaller(host, port);
            default -> throw new IllegalArgumentException("no such contender: " + contender);
        };
    }
}
