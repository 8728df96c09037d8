# Accessors of structs and exceptions.
package Pyrpc::Record;
use 5.020;
use strict;
use warnings;

# Perl calls these itself.
my %SPECIAL = map { $_ => 1 } qw(AUTOLOAD DESTROY import unimport);

# A method for each field, to read it and, with an argument, to set it; none where the class has a method of that name:
# such a field is read as $record->{name}.
sub mk_accessors {
    my ($class, @fields) = @_;
    for my $field (@fields) {
        next if $SPECIAL{$field} || $class->can($field);
        no strict 'refs';
        *{"${class}::$field"} = sub {
            my $self = shift;
            $self->{$field} = shift if @_;
            return $self->{$field};
        };
    }
    return;
}

1;
