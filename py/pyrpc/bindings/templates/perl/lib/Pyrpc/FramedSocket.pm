# Frames over a socket: read while they arrive, so that a large array is in memory once.
package Pyrpc::FramedSocket;
use 5.020;
use strict;
use warnings;

use Errno qw(EAGAIN EINTR EWOULDBLOCK);
use IO::Socket::IP;
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Thrift::Exception;
use Thrift::Protocol;
use Thrift::Transport;

use parent -norequire, 'Thrift::Transport';

# What is received or sent by one call of the system.
use constant SLICE_BYTES => 1 << 20;

# What is smaller is copied into one piece, and received ahead.
use constant SMALL_BYTES => 1 << 16;
use constant MOST_BYTES  => 0x3FFFFFFF;

# A transport for one call at a time. Whatever goes wrong closes it: a reply that comes late must not be taken for that
# of the next call, since the compiler's code does not compare their numbers.
sub new {
    my ($class, %options) = @_;
    my $self = bless {%options}, $class;
    $self->close();
    return $self;
}

sub isOpen {
    my ($self) = @_;
    return defined $self->{socket};
}

sub open {
    my ($self) = @_;
    $self->close();
    my $socket = IO::Socket::IP->new(
        PeerHost => $self->{host},
        PeerPort => $self->{port},
        Timeout  => $self->{timeout_s},
    ) or $self->_broken("no connection: $@", Thrift::TTransportException::NOT_OPEN);
    $socket->setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);
    $self->_secure($socket) if $self->{tls};
    $socket->blocking(0);
    $self->{socket} = $socket;
    return;
}

# Makes a socket one with TLS, whose node has a certificate for the host of somebody who is trusted.
sub _secure {
    my ($self, $socket) = @_;
    my %options = ref $self->{tls} ? %{$self->{tls}} : ();
    local $SIG{PIPE} = 'IGNORE';
    IO::Socket::SSL->start_SSL(
        $socket,
        SSL_version         => 'SSLv23:!SSLv2:!SSLv3:!TLSv1:!TLSv1_1',
        SSL_verifycn_name   => $self->{host},
        SSL_verifycn_scheme => 'http',
        SSL_hostname        => $self->{host} =~ /:|\A[\d.]+\z/ ? '' : $self->{host},
        %options,
        SSL_verify_mode => IO::Socket::SSL::SSL_VERIFY_PEER(),
        Timeout         => $self->{timeout_s},
    ) or $self->_broken("no TLS: $IO::Socket::SSL::SSL_ERROR", Thrift::TTransportException::NOT_OPEN);
    return;
}

sub close {
    my ($self) = @_;

    # TLS says goodbye, maybe to nobody.
    local $SIG{PIPE} = 'IGNORE';
    close $self->{socket} if $self->{socket};
    $self->discard();
    @$self{qw(socket ahead place left is_awaited)} = (undef, '', 0, 0, 0);
    return;
}

# Bytes of the frame that nobody has read yet.
sub left {
    my ($self) = @_;
    return $self->{left};
}

sub read {
    my ($self, $count) = @_;
    $self->_begin_frame() if !$self->{left};
    return $self->readAll($count < $self->{left} ? $count : $self->{left});
}

sub readAll {
    my ($self, $count) = @_;
    $self->_begin_frame() if !$self->{left} && $count > 0;
    if ($count < 0 || $count > $self->{left}) {
        $self->malformed("$count bytes are to come, and $self->{left} are left of the reply");
    }
    my $missing = $count - (length($self->{ahead}) - $self->{place});
    if ($missing > 0) {
        $self->{ahead} = substr $self->{ahead}, $self->{place};
        $self->{place} = 0;
        if ($count >= SMALL_BYTES) {
            my $data = $self->{ahead};
            $self->{ahead} = '';
            $self->_receive(\$data, $count - length $data) while length $data < $count;
            $self->{left} -= $count;
            return $data;
        }
        $self->_receive(\$self->{ahead}, $self->{left} - length $self->{ahead}) while length $self->{ahead} < $count;
    }
    my $data = substr $self->{ahead}, $self->{place}, $count;
    $self->{place} += $count;
    $self->{left}  -= $count;
    return $data;
}

# Forgets what was written of a call that broke off.
sub discard {
    my ($self) = @_;
    @$self{qw(pieces small)} = ([], '');
    return;
}

sub write {
    my ($self, $data) = @_;
    if (length $data < SMALL_BYTES) {
        $self->{small} .= $data;
    }
    else {
        push @{$self->{pieces}}, $self->{small}, $data;
        $self->{small} = '';
    }
    return length $data;
}

sub flush {
    my ($self) = @_;
    my @pieces = (@{$self->{pieces}}, $self->{small});
    $self->discard();
    $self->_broken('the connection is closed', Thrift::TTransportException::NOT_OPEN) if !$self->{socket};
    if ($self->{left}) {
        $self->_broken('the reply before was not read to its end', Thrift::TTransportException::UNKNOWN);
    }
    my $count = 0;
    $count += length for @pieces;
    if ($count > MOST_BYTES) {
        die _protocol_exception("the call has $count bytes, and a frame at most " . MOST_BYTES,
            Thrift::TProtocolException::SIZE_LIMIT);
    }
    $pieces[0] = pack('N', $count) . $pieces[0];
    $self->_send(\$_) for @pieces;
    $self->{is_awaited} = 1;
    return;
}

# Closes it, and dies: bytes that are not what they should be.
sub malformed {
    my ($self, $what, $code) = @_;
    $self->close();
    die _protocol_exception("$self->{host}:$self->{port}: $what", $code // Thrift::TProtocolException::INVALID_DATA);
}

sub _broken {
    my ($self, $what, $code) = @_;
    $self->close();
    die Thrift::TTransportException->new("$self->{host}:$self->{port}: $what", $code);
}

sub _protocol_exception {
    my ($message, $code) = @_;
    my $exception = Thrift::TProtocolException->new();

    # Its constructor drops what it is given.
    @$exception{qw(message code)} = ($message, $code);
    return $exception;
}

sub _begin_frame {
    my ($self) = @_;
    $self->_broken('the connection is closed', Thrift::TTransportException::NOT_OPEN) if !$self->{socket};
    $self->malformed('the reply ends too early') if !$self->{is_awaited};
    $self->{is_awaited} = 0;
    my $head = '';
    $self->_receive(\$head, 4 - length $head) while length $head < 4;
    my $count = unpack 'N', $head;
    if ($count < 1 || $count > $self->{max_frame_bytes}) {
        $self->malformed(
            "the reply has $count bytes, expected 1 to $self->{max_frame_bytes} (max_frame_bytes of the connection)",
            Thrift::TProtocolException::SIZE_LIMIT
        );
    }
    @$self{qw(ahead place left)} = ('', 0, $count);
    return;
}

# Appends what has come, at least one byte.
sub _receive {
    my ($self, $data, $most) = @_;
    $most = SLICE_BYTES if $most > SLICE_BYTES;
    while (1) {
        my $count = sysread $self->{socket}, $$data, $most, length $$data;
        return if $count;
        $self->_hung_up() if defined $count || !$self->_is_temporary();
        $self->_wait(0);
    }
}

sub _send {
    my ($self, $data) = @_;

    # The signal would end the program.
    local $SIG{PIPE} = 'IGNORE';
    my $sent = 0;
    while ($sent < length $$data) {
        my $count = syswrite $self->{socket}, $$data, SLICE_BYTES, $sent;
        if (defined $count) {
            $sent += $count;
            next;
        }
        $self->_hung_up() if !$self->_is_temporary();
        $self->_wait(1);
    }
    return;
}

sub _is_temporary {
    my ($self) = @_;
    return $self->_wants(IO::Socket::SSL::SSL_WANT_READ()) || $self->_wants(IO::Socket::SSL::SSL_WANT_WRITE())
        if $self->{tls};
    return $! == EAGAIN || $! == EWOULDBLOCK || $! == EINTR;
}

sub _wants {
    my ($self, $what) = @_;
    return $self->{tls} && $IO::Socket::SSL::SSL_ERROR == $what;
}

sub _hung_up {
    my ($self) = @_;
    $self->_broken('the node closed the connection', Thrift::TTransportException::END_OF_FILE);
    return;
}

sub _wait {
    my ($self, $is_writing) = @_;

    # TLS may have to write before it can read, and the other way round.
    $is_writing = $self->_wants(IO::Socket::SSL::SSL_WANT_WRITE()) if $self->{tls};
    my $bits = '';
    vec($bits, fileno($self->{socket}), 1) = 1;
    my $ready = $is_writing
        ? select(undef, $bits, undef, $self->{timeout_s})
        : select($bits, undef, undef, $self->{timeout_s});
    return if $ready || $ready < 0 && $! == EINTR;
    my $what = $is_writing ? 'took no bytes' : 'no bytes';
    $self->_broken("$what for $self->{timeout_s} s", Thrift::TTransportException::TIMED_OUT);
    return;
}

1;
