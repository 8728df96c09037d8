# Connections to a node, with limits that suit arrays.
package Pyrpc::Connection;
use 5.020;
use strict;
use warnings;

use Carp qw(croak);
use Config;
use Thrift::MultiplexedProtocol;

use Pyrpc::Binary;
use Pyrpc::Compact;
use Pyrpc::FramedSocket;
use PyrpcIdl::Node;

# The largest frame that a node sends.
use constant MAX_FRAME_BYTES => 0x3FFFFFFF;

my %DEFAULTS = (
    host            => '127.0.0.1',
    port            => 9090,
    timeout_s       => 30,
    compact         => 0,
    max_frame_bytes => MAX_FRAME_BYTES,
    token           => undef,
    tls             => undef,
);

# Connects to a node and tells it how large replies may be, and the token.
#
# timeout_s holds for connecting, and for each wait for bytes to come or go. A connection carries one call at a time, and
# after a failure of the connection (Thrift::TTransportException, Thrift::TProtocolException) no more. What the node
# itself refuses (PyrpcIdl::RpcError) leaves it open. Dies with one of these.
#
# tls is for nodes that speak it: {SSL_ca_file => 'ca.pem'}, or other options of IO::Socket::SSL; 1 trusts whom this
# machine does. The certificate has to be for the host.
sub connect {
    my ($class, %options) = @_;
    croak 'this Perl has no integers of 64 bits' if $Config{ivsize} < 8;
    for my $name (keys %options) {
        croak "no option $name, expected ", join ' ', sort keys %DEFAULTS if !exists $DEFAULTS{$name};
    }
    my $self  = bless {%DEFAULTS, %options}, $class;
    my $limit = $self->{max_frame_bytes};
    croak "max_frame_bytes is $limit, expected 1 to ", MAX_FRAME_BYTES if $limit < 1 || $limit > MAX_FRAME_BYTES;
    croak "timeout_s is $self->{timeout_s}, expected seconds above 0" if !($self->{timeout_s} > 0);
    if ($self->{tls} && !eval { require IO::Socket::SSL; 1 }) {
        croak "tls needs IO::Socket::SSL, Debian's libio-socket-ssl-perl: $@";
    }
    $self->{socket}   = Pyrpc::FramedSocket->new(%$self{qw(host port timeout_s max_frame_bytes tls)});
    $self->{protocol} = ($self->{compact} ? 'Pyrpc::Compact' : 'Pyrpc::Binary')->new($self->{socket});
    $self->{node}     = PyrpcIdl::NodeClient->new($self->{protocol});
    $self->{socket}->open();

    # Typed calls have no options: a node takes those that the connection has shown. If it refuses, the socket goes with
    # the object.
    $self->{node}->release(PyrpcIdl::Ref->new({id => ''}), $self->options());
    return $self;
}

# The generic API: any stage, with values.
sub node {
    my ($self) = @_;
    return $self->{node};
}

# Options for a call of the generic API: the limits of the connection, and the time that is left; undef: no deadline.
sub options {
    my ($self, $remaining_s) = @_;
    my $remaining_ms = defined $remaining_s ? int($remaining_s * 1000) : undef;
    return PyrpcIdl::CallOptions->new({%$self{qw(max_frame_bytes token)}, remaining_ms => $remaining_ms});
}

# The client of one service, by the package that the compiler wrote: service('VisionIdl::Vision'), or 'Vision' without a
# namespace. A name makes calls that of another service; with '' they have none, as nodes take it that host one service.
sub service {
    my ($self, $package, $name) = @_;
    croak "no package: $package" if $package !~ /\A\w+(?:::\w+)*\z/;
    $name //= $package =~ s/.*:://r;
    require(($package =~ s{::}{/}gr) . '.pm');
    my $output = $self->{protocol};
    $output = Thrift::MultiplexedProtocol->new($output, $name) if $name ne '';
    return "${package}Client"->new($self->{protocol}, $output);
}

# Ends the connection; a closed one may be closed again.
sub close {
    my ($self) = @_;
    $self->{socket}->close();
    return;
}

1;
