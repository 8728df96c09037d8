<?php

// Gives the library what it has to refuse, and prints what it did not refuse as it should.

declare(strict_types=1);

use Pyrpc\Arrays;
use Pyrpc\Connection;
use PyrpcIdl\DType;
use PyrpcIdl\Tensor;

require __DIR__ . '/../autoload.php';

set_error_handler(static function ($level, $message): bool {
    // What the library expects is suppressed.
    return error_reporting() & $level ? throw new ErrorException($message) : true;
});

function refused(string $message, callable $run, string $class = InvalidArgumentException::class): void
{
    try {
        $run();
        echo "taken: $message", PHP_EOL;
    } catch (Throwable $error) {
        if (!$error instanceof $class || $error->getMessage() !== $message) {
            echo get_class($error), ': ', $error->getMessage(), "; expected $class: $message", PHP_EOL;
        }
    }
}

function tensor(mixed $dtype, mixed $shape, mixed $data, ?int $itemsize = null): callable
{
    $tensor = new Tensor(['dtype' => $dtype, 'shape' => $shape, 'data' => $data, 'itemsize' => $itemsize]);
    return static fn () => Arrays::elements($tensor);
}

$make = static fn (mixed ...$arguments): callable => static fn () => Arrays::tensor(...$arguments);
$bytes = static fn (mixed ...$arguments): callable => static fn () => Arrays::ofBytes(...$arguments);

refused('the shape [2,3] has 6 elements, got 5', $make(DType::INT8, [1, 2, 3, 4, 5], [2, 3]));
refused('the shape [-1], expected dimensions from 0', $make(DType::INT8, [1], [-1]));
refused('the shape ["1"], expected dimensions from 0', $make(DType::INT8, [1], ['1']));
refused('the shape [4294967296,4294967296] has too many elements', $make(DType::INT8, [], [2 ** 32, 2 ** 32]));
refused('element 1 of INT8 is 128, expected an int from -128 to 127', $make(DType::INT8, [127, 128]));
refused('element 70000 of UINT16 is -1, expected an int from 0 to 65535', $make(DType::UINT16, [...array_fill(0, 70_000, 0), -1]));
refused("element 0 of INT64 is '1', expected an int from " . PHP_INT_MIN . ' to ' . PHP_INT_MAX, $make(DType::INT64, ['1']));
refused('element 0 of INT32 is 1.5, expected an int from -2147483648 to 2147483647', $make(DType::INT32, [1.5]));
refused('element 0 of FLOAT32 is null, expected a float', $make(DType::FLOAT32, [null]));
refused('element 0 of BOOL is 1, expected a bool', $make(DType::BOOL, [1]));
refused('element 0 of COMPLEX64 is array, expected a complex', $make(DType::COMPLEX64, [[1.0]]));
refused('element 0 is other bytes, expected a string of UTF-8', $make(DType::STRING, ["\xff"]));
refused('element 0 is int, expected a string', $make(DType::BYTES, [1]));
refused('dtype 99, expected one of numbers', $make(99, []));
refused('7 bytes are no whole number of elements of 4 bytes (FLOAT32)', $bytes(DType::FLOAT32, '1234567'));
refused('the shape [3] has 3 elements, got bytes of 2', $bytes(DType::FLOAT32, '12345678', [3]));
refused('dtype STRING, expected one of numbers', $bytes(DType::STRING, ''));
refused('maxFrameBytes is 0, expected 1 to 1073741823', static fn () => Connection::open('::1', 1, maxFrameBytes: 0));
refused('timeoutS is 0, expected seconds above 0', static fn () => Connection::open('::1', 1, timeoutS: 0));

// What a node may send.
$none = UnexpectedValueException::class;
refused('a tensor has a known dtype, a shape and data', tensor(null, [1], 'a'), $none);
refused('a tensor has a known dtype, a shape and data', tensor(DType::INT8, null, 'a'), $none);
refused('a tensor has a known dtype, a shape and data', tensor(99, [1], 'a'), $none);
refused('2 elements of 4 bytes (INT32), got 7', tensor(DType::INT32, [2], '1234567'), $none);
refused('the shape [-2], expected dimensions from 0', tensor(DType::INT32, [-2], '12345678'), $none);
refused('the shape [4294967296,4294967296] has too many elements', tensor(DType::INT8, [2 ** 32, 2 ** 32], ''), $none);
refused('2 elements of -1 bytes (BYTES), got 2', tensor(DType::BYTES, [2], 'ab', -1), $none);
refused('1099511627776 elements without a byte, expected at most 1048576', tensor(DType::BYTES, [2 ** 40], '', 0), $none);
refused('3 bytes are no whole number of characters of 4 bytes', tensor(DType::UNICODE, [1], 'abc', 3), $none);
refused('element 0 has what is no character', tensor(DType::UNICODE, [1], "\xff\xff\xff\xff", 4), $none);
refused('8 bytes are too few for where 1 texts begin and end', tensor(DType::STRING, [1], str_repeat("\0", 8)), $none);
refused('text 0 goes from 0 to 9 of 2 bytes', tensor(DType::STRING, [1], pack('PP', 0, 9) . 'ab'), $none);
refused('text 0 goes from -1 to 0 of 2 bytes', tensor(DType::STRING, [1], pack('PP', -1, 0) . 'ab'), $none);

// A port that nobody listens on.
$listener = stream_socket_server('tcp://127.0.0.1:0');
$port = (int) substr(strrchr(stream_socket_get_name($listener, false), ':'), 1);
fclose($listener);
$gone = Thrift\Exception\TTransportException::class;
refused("127.0.0.1:$port: no connection: Connection refused", static fn () => Connection::open('127.0.0.1', $port), $gone);

// Bits come back as they went.
foreach ([[DType::FLOAT64, 8], [DType::FLOAT32, 4]] as [$dtype, $width]) {
    $tensor = Arrays::ofBytes($dtype, hex2bin('050000000000f87f010000000000008000000080ffff7f7f'));
    if (Arrays::tensor($dtype, Arrays::elements($tensor))->data !== $tensor->data) {
        echo "the bits of $width bytes changed", PHP_EOL;
    }
}
foreach ([[], [0, 3], [2, 0]] as $shape) {
    $tensor = Arrays::zeros(DType::UNICODE, $shape);
    if (count(Arrays::elements($tensor)) !== array_product($shape) || $tensor->shape !== $shape) {
        echo 'the shape ', json_encode($shape), ' changed', PHP_EOL;
    }
}
echo 'done', PHP_EOL;
