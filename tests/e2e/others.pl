# A client by docs/protocol.md alone, with libraries that are not ours: nanomsg and Data::MessagePack.
#
#   others.pl URL KIND ID [MODULE FILE]     prints "STATUS PATCH NAME"
use strict;
use warnings;
use NanoMsg::Raw;
use Data::MessagePack;

my ($url, $kind, $id, $module, $file) = @ARGV;
my %request = (protocol => 1, kind => $kind, id => $id, client => "others.pl", user => "perl");
if (defined $module) {
    open my $in, "<:encoding(UTF-8)", $file or die "$file: $!";
    local $/;
    $request{modules} = [ { module => $module, file => $file, source => scalar <$in> } ];
}
# utf8: keys and strings become msgpack's str, not bin.
my $socket = nn_socket(AF_SP, NN_REQ);
die nn_strerror(nn_errno()) unless defined $socket;
nn_setsockopt($socket, NN_REQ, NN_REQ_RESEND_IVL, 3600 * 1000);
nn_setsockopt($socket, NN_SOL_SOCKET, NN_RCVTIMEO, 60 * 1000);
nn_setsockopt($socket, NN_SOL_SOCKET, NN_RCVMAXSIZE, 16 << 20);
defined nn_connect($socket, $url) or die nn_strerror(nn_errno());
defined nn_send($socket, Data::MessagePack->new->utf8->pack(\%request), 0) or die nn_strerror(nn_errno());
my $buffer;
defined nn_recv($socket, $buffer, 16 << 20, 0) or die nn_strerror(nn_errno());
my $report = Data::MessagePack->unpack($buffer);
print STDERR $report->{error}{text}, "\n" if $report->{error};
print join(" ", $report->{status}, $report->{patch} // 0, $report->{agent}{name} // "?"), "\n";
nn_close($socket);
