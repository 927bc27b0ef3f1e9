using CoScientist.Core.Statistics;

namespace CoScientist.Core.Grading;

/// <summary>A juror among those who judged pairs of plans.</summary>
/// <param name="Juror">Name.</param>
/// <param name="Pairs">Pairs it judged.</param>
/// <param name="Unread">Pairs in which it could not be read: masked, never a tie.</param>
/// <param name="Compared">Pairs on which the other jurors have a majority to compare with.</param>
/// <param name="Agreement">Share of these where it chooses the same; null when there is none.</param>
/// <param name="Kappa">Cohen's κ of the same; null when it is not defined.</param>
public sealed record PairJuror(string Juror, int Pairs, int Unread, int Compared, double? Agreement, double? Kappa);

/// <summary>What a jury said of pairs of plans. No juror outweighs another, and one who could not be read is left out of that pair.</summary>
/// <param name="Majority">For each pair the choice of most jurors; a tie where no choice has most votes. Null where nobody could be read.</param>
/// <param name="Mean">For each pair the mean of the jurors' points for the first plan (1, ½, 0). Null where nobody could be read.</param>
/// <param name="Split">Pairs read by somebody in which no choice had most votes: counted as ties.</param>
/// <param name="Shared">Pairs read by two jurors or more.</param>
/// <param name="Disagreement">Share of these in which not all chose the same; null when there is none.</param>
/// <param name="Alpha">Krippendorff's α of the choices, nominal; null when it is not defined.</param>
/// <param name="Jurors">Each juror against the majority of the others.</param>
public sealed record PairJury(IReadOnlyList<PairChoice?> Majority, IReadOnlyList<double?> Mean, int Split, int Shared, double? Disagreement, double? Alpha, IReadOnlyList<PairJuror> Jurors)
{
    /// <summary>Aggregates verdicts.</summary>
    /// <param name="jurors">Names, at least one.</param>
    /// <param name="pairs">For each pair every juror's verdict, in the order of the names; unread ones have no choice.</param>
    /// <exception cref="ArgumentException">A pair has not one entry per juror.</exception>
    public static PairJury Of(IReadOnlyList<string> jurors, IReadOnlyList<IReadOnlyList<PairVerdict>> pairs)
    {
        ArgumentNullException.ThrowIfNull(jurors);
        ArgumentNullException.ThrowIfNull(pairs);
        if (pairs.Index().FirstOrDefault(pair => pair.Item.Count != jurors.Count) is { Item: not null } wrong)
        {
            throw new ArgumentException($"Pair {wrong.Index + 1} has {wrong.Item.Count} verdicts from {jurors.Count} jurors.", nameof(pairs));
        }

        var choices = pairs.Select(pair => pair.Select(verdict => verdict.Choice).ToArray()).ToArray();
        var read = choices.Select(pair => pair.OfType<PairChoice>().ToArray()).ToArray();
        var shared = read.Count(pair => pair.Length > 1);
        return new PairJury(
            [.. read.Select(pair => pair.Length == 0 ? null : MostOf(pair) ?? (PairChoice?)PairChoice.Tie)],
            [.. pairs.Select(pair => pair.Average(verdict => verdict.Points))],
            read.Count(pair => pair.Length > 0 && MostOf(pair) is null),
            shared,
            shared == 0 ? null : read.Count(pair => pair.Length > 1 && pair.Distinct().Count() > 1) / (double)shared,
            Agreement.KrippendorffAlpha(read),
            [.. jurors.Select((name, juror) => Against(name, juror, choices))]);
    }

    // More votes than any other choice; null when two choices share the lead.
    private static PairChoice? MostOf(IEnumerable<PairChoice> votes)
    {
        var counts = votes.CountBy(vote => vote).OrderByDescending(count => count.Value).ToArray();
        return counts.Length > 0 && (counts.Length == 1 || counts[0].Value > counts[1].Value) ? counts[0].Key : null;
    }

    // Against the majority of the others: its own vote would agree with itself.
    private static PairJuror Against(string name, int juror, PairChoice?[][] choices)
    {
        var own = choices.Where(pair => pair[juror] is not null).ToArray();
        (PairChoice, PairChoice)[] compared = [.. own
            .Select(pair => (Own: pair[juror]!.Value, Others: MostOf(pair.Where((_, other) => other != juror).OfType<PairChoice>())))
            .Where(pair => pair.Others is not null)
            .Select(pair => (pair.Own, pair.Others!.Value))];
        return new PairJuror(
            name,
            own.Length,
            choices.Length - own.Length,
            compared.Length,
            compared.Length == 0 ? null : compared.Count(pair => pair.Item1 == pair.Item2) / (double)compared.Length,
            Statistics.Agreement.CohenKappa(compared));
    }
}
