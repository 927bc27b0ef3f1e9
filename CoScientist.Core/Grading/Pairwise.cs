using System.Text.Json.Serialization;
using CoScientist.Core.Statistics;

namespace CoScientist.Core.Grading;

/// <summary>What a judge of two plans chose.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<PairChoice>))]
public enum PairChoice
{
    /// <summary>The first plan.</summary>
    First,

    /// <summary>The second plan.</summary>
    Second,

    /// <summary>Neither rather than the other.</summary>
    Tie,
}

/// <summary>
/// Two plans judged in both orders. Language models favour a position (Zheng et al. 2023, arXiv 2306.05685, section 3.3), so a
/// plan wins only if it is preferred in both; anything else is a tie.
/// </summary>
/// <param name="Shown">Choice when the first plan was shown first; null when it could not be read.</param>
/// <param name="Exchanged">Choice when the second plan was shown first, in terms of the plans and not of the places; null when it could not be read.</param>
public readonly record struct PairVerdict(PairChoice? Shown, PairChoice? Exchanged)
{
    /// <summary>The verdict that counts; null unless both orders could be read.</summary>
    public PairChoice? Choice => Shown is null || Exchanged is null ? null : Shown == Exchanged ? Shown : PairChoice.Tie;

    /// <summary>Whether the same place won in both orders, so that each plan won once.</summary>
    public bool FollowsPlace => (Shown, Exchanged) is (PairChoice.First, PairChoice.Second) or (PairChoice.Second, PairChoice.First);

    /// <summary>Points of the first plan: 1, ½ or 0; null when undecided for want of a readable answer.</summary>
    public double? Points => Choice switch { PairChoice.First => 1, PairChoice.Second => 0, PairChoice.Tie => 0.5, _ => null };
}

/// <summary>What a judge did with a set of pairs.</summary>
/// <param name="Tally">Pairs won, tied and lost by the first plan.</param>
/// <param name="Unread">Pairs without a readable answer in one of the orders or both: masked, never a tie.</param>
/// <param name="FirstPlace">Pairs in which the plan shown first won in both orders.</param>
/// <param name="SecondPlace">Pairs in which the plan shown second won in both orders.</param>
/// <param name="Wavering">Other pairs whose two answers differ: a tie one way, a preference the other.</param>
public sealed record PairwiseResult(WinRate Tally, int Unread, int FirstPlace, int SecondPlace, int Wavering)
{
    /// <summary>Share of the read pairs in which place decided and not the plan, with its 95% score interval; null without pairs.</summary>
    public Estimate? PositionBias => Tally.Decided == 0 ? null : BinomialTests.Wilson(FirstPlace + SecondPlace, Tally.Decided);

    /// <summary>Exact two-sided p of the hypothesis that neither place is favoured.</summary>
    public double PlacePValue => BinomialTests.SignTest(FirstPlace, SecondPlace);

    /// <summary>Counts verdicts.</summary>
    public static PairwiseResult Of(IReadOnlyList<PairVerdict> verdicts)
    {
        ArgumentNullException.ThrowIfNull(verdicts);
        var read = verdicts.Where(verdict => verdict.Choice is not null).ToList();
        return new PairwiseResult(
            WinRate.FromPoints(read.Select(verdict => verdict.Points!.Value)),
            verdicts.Count - read.Count,
            read.Count(verdict => verdict is { FollowsPlace: true, Shown: PairChoice.First }),
            read.Count(verdict => verdict is { FollowsPlace: true, Shown: PairChoice.Second }),
            read.Count(verdict => verdict.Shown != verdict.Exchanged && !verdict.FollowsPlace));
    }
}
