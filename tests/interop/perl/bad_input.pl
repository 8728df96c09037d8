# Gives the library what it has to refuse, and prints what it did not refuse as it should.
use 5.020;
use strict;
use warnings FATAL => 'all';
use utf8;

use FindBin;
use IO::Socket::IP;
use lib "$FindBin::Bin/../lib", "$FindBin::Bin/../gen";

use Pyrpc::Arrays qw(bytes_of elements tensor tensor_of_bytes zeros);
use Pyrpc::Connection;

binmode STDOUT, ':encoding(UTF-8)';

my %D = map { $_ => PyrpcIdl::DType->can($_)->() }
    qw(BOOL INT8 INT32 INT64 UINT16 UINT64 FLOAT32 FLOAT64 COMPLEX64 STRING BYTES UNICODE);

sub refused {
    my ($message, $run) = @_;
    if (eval { $run->(); 1 }) {
        say "taken: $message";
        return;
    }
    my $got = ref $@ ? $@->{message} : $@;

    # What the caller did wrong is told with the caller's line.
    say "$got; expected: $message" if $got !~ /\A\Q$message\E(?: at \S*bad_input\.pl line \d+\.\n)?\z/;
    return;
}

sub sent {
    my ($dtype, $shape, $data, $itemsize) = @_;
    my $tensor
        = PyrpcIdl::Tensor->new({dtype => $dtype, shape => $shape, data => $data, itemsize => $itemsize});
    return sub { elements($tensor) };
}

my $most = ~0 >> 1;
refused('the shape [2,3] has 6 elements, got 5', sub { tensor($D{INT8}, [1 .. 5], [2, 3]) });
refused('the shape [-1], expected dimensions from 0', sub { tensor($D{INT8}, [1], [-1]) });
refused('the shape [4294967296,4294967296] has too many elements', sub { tensor($D{INT8}, [], [2**32, 2**32]) });
refused('elements are 5, expected a reference to an array', sub { tensor($D{INT8}, 5) });
refused('element 1 of INT8 is 128, expected an integer from -128 to 127', sub { tensor($D{INT8}, [127, 128]) });
refused('element 70000 of UINT16 is -1, expected an integer from 0 to 65535',
    sub { tensor($D{UINT16}, [(0) x 70_000, -1]) });
refused("element 0 of INT64 is one, expected an integer from -9223372036854775808 to $most",
    sub { tensor($D{INT64}, ['one']) });
refused('element 0 of INT32 is 1.5, expected an integer from -2147483648 to 2147483647',
    sub { tensor($D{INT32}, [1.5]) });
refused('element 0 of FLOAT32 is undef, expected a number', sub { tensor($D{FLOAT32},   [undef]) });
refused('a complex element is no [real, imaginary]',        sub { tensor($D{COMPLEX64}, [[1]]) });
refused('element 1 is undef, expected a text',              sub { tensor($D{STRING},    ['a', undef]) });
refused('element 0 has characters, expected bytes',         sub { tensor($D{BYTES},     ['€']) });
refused('dtype 99, expected one of numbers',                sub { tensor(99,            []) });
refused('7 bytes are no whole number of elements of 4 bytes (FLOAT32)',
    sub { tensor_of_bytes($D{FLOAT32}, '1234567') });
refused('the shape [3] has 3 elements, got bytes of 2', sub { tensor_of_bytes($D{FLOAT32}, '12345678', [3]) });
refused('the data has characters, expected bytes',      sub { tensor_of_bytes($D{INT8},    '€') });
refused('max_frame_bytes is 0, expected 1 to 1073741823', sub { Pyrpc::Connection->connect(max_frame_bytes => 0) });
refused('timeout_s is 0, expected seconds above 0',       sub { Pyrpc::Connection->connect(timeout_s       => 0) });
refused('no option timeout, expected compact host max_frame_bytes port timeout_s tls token',
    sub { Pyrpc::Connection->connect(timeout => 1) });

# What a node may send.
refused('a tensor has a known dtype, a shape and data',     sent(undef,    [1],   'a'));
refused('a tensor has a known dtype, a shape and data',     sent($D{INT8}, undef, 'a'));
refused('a tensor has a known dtype, a shape and data',     sent(99,       [1],   'a'));
refused('2 elements of 4 bytes (INT32), got 7',             sent($D{INT32}, [2],  '1234567'));
refused('the shape [-2], expected dimensions from 0',       sent($D{INT32}, [-2], '12345678'));
refused('the shape [4294967296,4294967296] has too many elements', sent($D{INT8},  [2**32, 2**32], ''));
refused('2 elements of -1 bytes (texts), got 2',                   sent($D{BYTES}, [2],            'ab', -1));
refused('1099511627776 elements without a byte, expected at most 1048576', sent($D{BYTES}, [2**40], '', 0));
refused('3 bytes are no whole number of characters of 4 bytes', sent($D{UNICODE}, [1], 'abc',              3));
refused('element 0 is no text',                                 sent($D{UNICODE}, [1], "\xff\xff\xff\xff", 4));
refused('8 bytes are too few for where 1 texts begin and end',  sent($D{STRING},  [1], "\0" x 8));
refused('text 0 goes from 0 to 9 of 2 bytes',  sent($D{STRING}, [1], pack('q<q<', 0,  9) . 'ab'));
refused('text 0 goes from -1 to 0 of 2 bytes', sent($D{STRING}, [1], pack('q<q<', -1, 0) . 'ab'));
refused('element 0 is no UTF-8',               sent($D{STRING}, [1], pack('q<q<', 0,  1) . "\xff"));

# A port that nobody listens on.
my $listener = IO::Socket::IP->new(LocalHost => '127.0.0.1', Listen => 1);
my $port     = $listener->sockport;
close $listener;
refused("127.0.0.1:$port: no connection: Connection refused",
    sub { Pyrpc::Connection->connect(host => '127.0.0.1', port => $port) });

# Values come back as they went.
my $bits = pack 'H*', '050000000000f87f010000000000008000000080ffff7f7f';
say 'the bits of FLOAT64 changed'
    if bytes_of(tensor($D{FLOAT64}, elements(tensor_of_bytes($D{FLOAT64}, $bits)))) ne $bits;
say 'UINT64 changed' if "@{elements(tensor($D{UINT64}, [0, ~0]))}" ne '0 ' . ~0;
for my $shape ([], [0, 3], [2, 0]) {
    my $tensor = zeros($D{UNICODE}, $shape);
    my $count  = @{elements($tensor)};
    say "the shape [@$shape] changed" if "@{$tensor->shape}" ne "@$shape" || $count != ("@$shape" eq '' ? 1 : 0);
}

# Texts that are the same are sent as the same, however Perl has them.
my ($flagged, $plain) = ("caf\x{e9}", "caf\x{e9}");
utf8::upgrade($flagged);
utf8::downgrade($plain);
say 'the texts differ' if bytes_of_texts($flagged) ne bytes_of_texts($plain);

sub bytes_of_texts { return tensor($D{STRING}, [@_])->data . tensor($D{UNICODE}, [@_])->data }
say 'done';
