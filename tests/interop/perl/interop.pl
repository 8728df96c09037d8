# Checks a node from Perl, and prints a line for each check.
use 5.020;
use strict;
use warnings FATAL => 'all';
use utf8;

use Encode qw(decode_utf8);
use FindBin;
use JSON::PP;
use Time::HiRes qw(time);
use lib "$FindBin::Bin/../lib", "$FindBin::Bin/../gen";

use InteropIdl::Types;
use Pyrpc::Arrays qw(bytes_of elements tensor tensor_of_bytes zeros);
use Pyrpc::Connection;

binmode STDOUT, ':encoding(UTF-8)';
STDOUT->autoflush(1);

my ($host, $port, $protocol) = @ARGV;
my %options    = (host => $host, port => $port, compact => $protocol eq 'compact');
my $connection = Pyrpc::Connection->connect(%options);
my $client     = $connection->service('InteropIdl::Interop');
my $json       = JSON::PP->new->canonical->allow_nonref->allow_blessed;

sub check {
    my ($name, $run) = @_;
    my $note = eval { $run->() };
    if ($@) { say "fail $name: ", "$@" =~ s/\n/ /gr }
    else    { say "ok $name", defined $note ? ": $note" : '' }
    return;
}

sub expect {
    my ($is_right, $what, $got) = @_;
    die "expected $what, got ", $json->encode($got) if !$is_right;
    return;
}

# What a call is refused with.
sub refusal {
    my ($run) = @_;
    die 'it was not refused' if eval { $run->(); 1 };
    my $error = $@;
    die $error if !ref $error || !$error->isa('PyrpcIdl::RpcError');
    return $error;
}

sub integer {
    my ($value) = @_;
    return PyrpcIdl::Value->new({int_value => $value});
}

sub typed {
    my $sum = $client->add(1, 2);
    expect($sum == 3, 3, $sum);
    return;
}

check(
    'ping',
    sub {
        my $version = $connection->node->ping()->protocol_version;
        expect($version == 1, 'protocol_version 1', $version);
        return;
    }
);
check('typed call', \&typed);
check(
    'plain name',
    sub {
        my $sum = $connection->service('InteropIdl::Interop', '')->add(1, 2);
        expect($sum == 3, 3, $sum);
        return;
    }
);
check(
    'generic call',
    sub {
        my $node  = $connection->node;
        my $reply = $node->call('Interop.add', [integer(1)], {b => integer(5)}, $connection->options());
        expect($reply->value->int_value == 6, 6, $reply->value->int_value);
        $reply = $node->call('Interop.add', [integer(2**40), integer(1)], {}, $connection->options());
        expect($reply->value->int_value == 2**40 + 1, '2^40 + 1', $reply->value->int_value);
        my $most = ~0 >> 1;
        for my $each ($most, -$most - 1, -1, 0, 127, 128, -64, -65, 1 << 31, -(1 << 31), 1 << 62, -(1 << 62)) {
            my $sum = $client->add($each, 0);
            expect("$sum" eq "$each", $each, $sum);
        }
        return;
    }
);
check(
    'struct',
    sub {
        my $grown = $client->grown(
            InteropIdl::Region->new({
                x      => 2,
                y      => 3.0,
                label  => 'é',
                moods  => [InteropIdl::Mood::CALM],
                scores => {a => 0.5},
                pixels => zeros(PyrpcIdl::DType::UINT8, [2, 2]),
            })
        );
        expect($grown->x == 3 && $grown->y == 3 && decode_utf8($grown->label) eq 'é', 'x, y and label', $grown->label);
        expect($json->encode($grown->moods) eq '[0,1]', 'two moods', $grown->moods);

        expect(join(' ', sort keys %{$grown->scores}) eq 'a area' && $grown->scores->{a} == 0.5, 'two scores');
        expect("@{elements($grown->pixels)}" eq '1 1 1 1', 'pixels', elements($grown->pixels));
        $grown = $client->grown(InteropIdl::Region->new({x => 2, y => 3.0}));
        expect(!defined $grown->label && !defined $grown->pixels, 'neither label nor pixels');
        return;
    }
);
check(
    'text',
    sub {
        my $reversed = decode_utf8($client->reversed('aé😀'));
        expect($reversed eq '😀éa', '😀éa', $reversed);
        return;
    }
);
check(
    '16 MB',
    sub {
        my $rows    = 1_000_000;
        my @numbers = 0 .. 999;
        my $tensor  = tensor(PyrpcIdl::DType::FLOAT32, [(@numbers) x 4000], [$rows, 4]);
        my $doubled = pack 'f<*', map { 2 * $_ } @numbers;
        my $compare = sub {
            my ($result) = @_;
            expect("@{$result->shape}" eq "$rows 4", 'the shape', $result->shape);
            expect(bytes_of($result) eq $doubled x 4000, 'every element twice');
        };
        my $typed = $client->doubled($tensor);
        $compare->($typed);
        my $elements = elements($typed);
        for my $index (0 .. 4 * $rows - 1) {
            expect(0, 2 * ($index % 1000), $elements->[$index]) if $elements->[$index] != 2 * ($index % 1000);
        }
        my $inputs = [PyrpcIdl::Value->new({tensor_value => $tensor})];
        $compare->(
            $connection->node->run('Interop.doubled', $inputs, {}, $rows, $connection->options())->value->tensor_value
        );
        return;
    }
);
check(
    '64 MiB',
    sub {
        my $bytes  = substr pack('C*', 0 .. 250) x ((64 << 20) / 251 + 1), 0, 64 << 20;
        my $tensor = tensor_of_bytes(PyrpcIdl::DType::UINT8, $bytes);
        my $value  = PyrpcIdl::Value->new({tensor_value => $tensor});
        my $reply  = $connection->node->call('Interop.echo', [$value], {}, $connection->options());
        expect(bytes_of($reply->value->tensor_value) eq $bytes, 'the same bytes of Node.call');
        expect(bytes_of($client->echo($tensor)) eq $bytes,      'the same bytes');
        return;
    }
);
check(
    'typed error',
    sub {
        my $error = refusal(sub { $client->doubled(zeros(PyrpcIdl::DType::INT32, [2, 4])) });
        expect($error->code == PyrpcIdl::ErrorCode::CONTRACT_VIOLATED, 'CONTRACT_VIOLATED', $error->code);
        expect($error->expected ne '' && $error->got ne '', 'expected and got');
        $error = refusal(sub { $client->fail('on purpose') });
        expect($error->code == PyrpcIdl::ErrorCode::STAGE_FAILED, 'STAGE_FAILED', $error->code);
        expect($error->remote_type eq 'ValueError',               'ValueError',   $error->remote_type);
        expect($error->message =~ /on purpose/,                   'on purpose',   $error->message);

        # Breaks off while it is written.
        expect(!eval { $client->check('bool', PyrpcIdl::Tensor->new({dtype => 1, shape => {}})); 1 }, 'no result');
        typed();
        return;
    }
);
check(
    'deadline',
    sub {
        my $node = $connection->node;
        my $left = $node->call('Interop.left_s', [], {}, $connection->options(60))->value->double_value;
        expect($left > 0 && $left <= 60, 'at most 60 s', $left);
        my $error = refusal(sub { $node->call('Interop.left_s', [], {}, $connection->options(0)) });
        expect($error->code == PyrpcIdl::ErrorCode::EXPIRED, 'EXPIRED', $error->code);
        my $impatient = Pyrpc::Connection->connect(%options, timeout_s => 0.5);
        my $began     = time;
        expect(!eval { $impatient->service('InteropIdl::Interop')->sleep(10); 1 }, 'no result');
        $error = $@;
        expect(ref $error && $error->isa('Thrift::TTransportException'), 'TTransportException', "$error");
        expect($error->{code} == Thrift::TTransportException::TIMED_OUT, 'TIMED_OUT', $error->{code});
        expect(time - $began < 5, 'less than 5 s', time - $began);
        return;
    }
);

check(
    'tls',
    sub {
        my ($port, $authority, $token) = @ENV{qw(PYRPC_TLS_PORT PYRPC_TLS_CA PYRPC_TLS_TOKEN)};
        my %secure = (
            %options,
            host  => 'localhost',
            port  => $port,
            token => $token,
            tls   => {SSL_ca_file => $authority},
        );
        my $open = Pyrpc::Connection->connect(%secure);
        expect($open->service('InteropIdl::Interop')->add(1, 2) == 3, 3);
        my $sum = $open->node->call('Interop.add', [integer(1)], {}, $open->options())->value->int_value;
        expect($sum == 3, 3, $sum);
        my $data = 'abcd' x 1_000_000;
        my $back = $open->service('InteropIdl::Interop')->echo(tensor_of_bytes(PyrpcIdl::DType::UINT8, $data));
        expect(bytes_of($back) eq $data, 'the same 4 MB');
        $open->close();
        for my $wrong (undef, 'guessed') {
            my $error = refusal(sub { Pyrpc::Connection->connect(%secure, token => $wrong) });
            expect($error->code == PyrpcIdl::ErrorCode::UNAUTHENTICATED, 'UNAUTHENTICATED', $error->code);
        }
        my @strangers = ([tls => 1], [host => '127.0.0.1'], [tls => {SSL_ca_file => $authority}, host => '127.0.0.1']);
        for my $stranger (@strangers) {
            expect(!eval { Pyrpc::Connection->connect(%secure, @$stranger); 1 }, 'no connection');
            my $error = $@;
            expect(ref $error && $error->isa('Thrift::TTransportException'), 'TTransportException', "$error");
            expect($error->{message} =~ /no TLS: .*verif/, 'what was wrong', $error->{message});
        }
        return;
    }
);

# Compared as text, and the minus of zero.
sub look {
    my ($elements) = @_;
    return join '|', map { ref ? "(@$_)" : $_ eq '0' || $_ eq '-0' ? sprintf '%g', $_ : $_ } @$elements;
}

sub dtype {
    my ($name, $elements, $type, $unit) = @_;
    check(
        "dtype $name",
        sub {
            my $dtype  = PyrpcIdl::DType->can(uc $name)->();
            my $sample = $client->sample($name);
            expect("@{$sample->shape}" eq '2 3',                                        'the shape', $sample->shape);
            expect($sample->dtype == $dtype && ($sample->unit // '') eq ($unit // ''), 'the dtype', $sample->dtype);
            my $found = elements($sample);
            expect(look($found) eq look($elements), look($elements), look($found));
            expect($client->check($name, tensor($dtype, $elements, [2, 3], $unit)), 'true');
            return $type;
        }
    );
    return;
}

dtype('bool', [map { !!$_ } 1, 0, 1, 1, 0, 0], '[boolean, ...]');
for my $bits (8, 16, 32, 64) {
    my $most = ~0 >> (65 - $bits);
    dtype("int$bits", [-$most - 1, -1, 0, 3, $most - 1, $most], '[integer, ...]');
    $most = ~0 >> (64 - $bits);
    dtype("uint$bits", [0, 1, 2, 3, $most - 1, $most], '[integer, ...]');
}
dtype('float16',  [0xBE00, 0x8000, 0, 0x3800, 0x4000, 0x7C00], '[integer, ...], the bits');
dtype('bfloat16', [0xBFC0, 0x8000, 0, 0x3F00, 0x4000, 0x7F80], '[integer, ...], the bits');
my $minus_zero = unpack 'd<', pack 'Q<', 1 << 63;
dtype($_, [-1.5, $minus_zero, 0, 0.5, 2, 9**9**9], '[number, ...]') for qw(float32 float64);
my @complex = ([0.5, 0], map { [$_ + 0.5, -$_] } 1 .. 5);
dtype($_, \@complex, '[[real, imaginary], ...]') for qw(complex64 complex128);
my @counts = (0, 1, -1, 1000, 86_400_000, -(~0 >> 1) - 1);
dtype('datetime64',  \@counts,                                                   '[integer, ...]', 'ns');
dtype('timedelta64', \@counts,                                                   '[integer, ...]', 'ms');
dtype('bytes',       ['', 'a', 'ab', 'abc', 'x', "y\0z"],                        '[bytes, ...]');
dtype('unicode',     ['', 'a', 'ab', 'é', '😀', 'z😀'],                          '[text, ...]');
dtype('string',      ['', 'a', 'ab', 'é', '😀', 'longer than all the others'], '[text, ...]');
$connection->close();
