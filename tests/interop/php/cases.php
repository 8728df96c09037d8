<?php

// Sends each value of tests/interop/cases.py back as it came, and arrays once more from their elements.

declare(strict_types=1);

use Pyrpc\Arrays;
use Pyrpc\Connection;
use PyrpcIdl\DType;
use PyrpcIdl\Tensor;
use PyrpcIdl\Value;

require __DIR__ . '/../autoload.php';

function text(string $text): Value
{
    return new Value(['string_value' => $text]);
}

/** Not what takes too much memory as elements; and NaNs of float32 may change when PHP makes a double of them. */
function isOfElements(Tensor $tensor): bool
{
    $isSingle = in_array($tensor->dtype, [DType::FLOAT32, DType::COMPLEX64], true);
    $hasNan = $isSingle && array_filter(unpack('g*', $tensor->data), is_nan(...)) !== [];
    return strlen($tensor->data) < 1 << 20 && !$hasNan;
}

[, $host, $port, $protocol] = $argv;
$connection = Connection::open($host, (int) $port, compact: $protocol === 'compact');
$call = static fn (string $method, Value ...$values): Value => $connection->node
    ->call("Cases.$method", $values, [], $connection->options())->value;
foreach ($call('names')->list_value as $name) {
    $value = $call('give', $name);
    $sent = [$value];
    $tensor = $value->tensor_value;
    if ($tensor !== null && isOfElements($tensor)) {
        $again = Arrays::tensor($tensor->dtype, Arrays::elements($tensor), $tensor->shape, $tensor->unit);
        // Texts of a fixed width become as wide as the longest of them.
        if ($again->itemsize === $tensor->itemsize) {
            $sent[] = new Value(['tensor_value' => $again]);
        }
    }
    foreach ($sent as $each) {
        try {
            $call('take', $name, $each);
        } catch (Throwable $error) {
            echo $name->string_value, ': ', $error->getMessage(), PHP_EOL;
        }
    }
}
echo 'done', PHP_EOL;
