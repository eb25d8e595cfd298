# work.pl -- what Perl programs do all day; argument: how many rounds.
use strict;
use warnings;

my $rounds = shift;
my $state = 1;

# A generator of its own: rand() differs between builds.
sub chance {
    my $below = shift;
    $state = ($state * 1103515245 + 12345) % 2147483648;
    return int($state / 65536) % $below;
}

my $sum = 0;
for my $round (1 .. $rounds) {
    my (%count, @lines, %tree);
    for my $i (1 .. 20000) {
        my $word = ('a' .. 'z')[chance(26)] x (1 + chance(40)) . chance(500);
        $count{$word}++;
        push @lines, join(',', $word, $i, sprintf('%.3f', $i / 7));
        push @{$tree{chance(50)}{chance(50)}}, {name => $word, at => [$i, $i + 1]};
    }
    my $text = join("\n", sort @lines);
    $sum += () = $text =~ /([a-z])\1{9,}\d+5,/g;
    (my $turned = $text) =~ s/(\w+),(\d+)/$2,$1/g;
    $sum += unpack('%32C*', $turned);
    my $grown = '';
    $grown .= substr($text, chance(1000), chance(5000)) for 1 .. 500;
    $sum += length(reverse $grown);
    delete $tree{$_} for grep { $_ % 3 } keys %tree;
    $sum += keys(%count) + keys(%tree);
    my @sorted = sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
    print "$round $sum $sorted[0] $sorted[-1]\n";
}
