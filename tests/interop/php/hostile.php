<?php

// Calls a node that answers with anything, and says how each call ended.

declare(strict_types=1);

use InteropIdl\InteropClient;
use Pyrpc\Arrays;
use Pyrpc\Connection;
use PyrpcIdl\DType;

require __DIR__ . '/../autoload.php';

set_error_handler(static fn ($level, $message, $file, $line) => error_reporting() & $level
    ? exit("a warning: $message in $file, line $line\n")
    : true);

[, $host, $port, $protocol, $count] = $argv;
$tensor = Arrays::ofBytes(DType::UINT8, 'abcd', [2, 2]);
for ($index = 0; $index < (int) $count; $index++) {
    $connection = Connection::open($host, (int) $port, timeoutS: 5, compact: $protocol === 'compact');
    $client = $connection->service(InteropClient::class);
    foreach (['first', 'second'] as $call) {
        try {
            $elements = Arrays::elements($client->echo($tensor));
            $line = $elements === [97, 98, 99, 100] ? 'ok' : 'ok, but ' . json_encode($elements);
        } catch (Throwable $error) {
            $line = 'refused ' . get_class($error) . ' ' . strtr($error->getMessage(), "\n", ' ');
        }
        echo $call === 'first' ? $line : " / $line", $call === 'second' ? PHP_EOL : '';
    }
}
