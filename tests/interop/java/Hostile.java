// Calls a node that answers with anything, and says how each call ended.

import interop_idl.Interop;
import io.pyrpc.bindings.Connection;
import io.pyrpc.bindings.ConnectionConfig;
import io.pyrpc.bindings.Tensors;
import io.pyrpc.bindings.gen.Tensor;
import java.time.Duration;
import java.util.Arrays;

public class Hostile {
    static String called(Connection connection) {
        byte[] elements = {'a', 'b', 'c', 'd'};
        Interop.Client client = new Interop.Client(connection.service("Interop"));
        Tensor echoed;
        try {
            echoed = client.echo(Tensors.of(elements, 2, 2));
        } catch (Throwable error) {
            return "refused " + error.getClass().getSimpleName() + " " + error.getMessage();
        }
        try {
            byte[] found = new byte[4];
            Tensors.bytes(echoed).get(found);
            return Arrays.equals(found, elements) ? "ok" : "ok, but " + Arrays.toString(found);
        } catch (Throwable error) {
            return "refused " + error.getClass().getSimpleName() + " of the array";
        }
    }

    public static void main(String[] arguments) throws Exception {
        ConnectionConfig config = ConnectionConfig.ofDefaults()
                .withTimeout(Duration.ofSeconds(5))
                .withCompact(arguments[2].equals("compact"));
        for (int i = 0; i < Integer.parseInt(arguments[3]); i++) {
            try (Connection connection = Connection.open(arguments[0], Integer.parseInt(arguments[1]), config)) {
                String ends = called(connection) + " / " + called(connection);
                System.out.println(ends.replace('\n', ' '));
            }
        }
    }
}
