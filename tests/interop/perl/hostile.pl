# Calls a node that answers with anything, and says how each call ended.
use 5.020;
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::Bin/../lib", "$FindBin::Bin/../gen";

use Pyrpc::Arrays qw(elements tensor_of_bytes);
use Pyrpc::Connection;

my ($host, $port, $protocol, $count) = @ARGV;
my $tensor  = tensor_of_bytes(PyrpcIdl::DType::UINT8, 'abcd', [2, 2]);
my %options = (host => $host, port => $port, compact => $protocol eq 'compact', timeout_s => 5);
for (1 .. $count) {
    my $connection = Pyrpc::Connection->connect(%options);
    my $client     = $connection->service('InteropIdl::Interop');
    say join ' / ', map { outcome($client) } 1 .. 2;
}

sub outcome {
    my ($client) = @_;
    my $elements = eval { elements($client->echo($tensor)) };
    my $error    = $@;
    return 'refused ' . (ref($error) || 'text') . ' ' . "$error" =~ s/\n/ /gr if !$elements;
    return "@$elements" eq '97 98 99 100' ? 'ok' : "ok, but @$elements[0 .. ($#$elements < 9 ? $#$elements : 9)]";
}
