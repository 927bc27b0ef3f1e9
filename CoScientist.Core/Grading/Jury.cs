using CoScientist.Core.Statistics;

namespace CoScientist.Core.Grading;

/// <summary>The jury's word on one item: votes of the jurors who gave a verdict.</summary>
/// <param name="Met">Jurors who call it met.</param>
/// <param name="Unmet">Jurors who do not.</param>
public readonly record struct JuryVote(int Met, int Unmet)
{
    /// <summary>What most jurors say; null for a tie, or when nobody gave a verdict.</summary>
    public bool? Majority => Met == Unmet ? null : Met > Unmet;

    /// <summary>Whether two or more jurors gave a verdict.</summary>
    public bool Shared => Met + Unmet > 1;

    /// <summary>Whether all jurors who gave a verdict, two or more, gave the same.</summary>
    public bool Unanimous => Shared && (Met == 0 || Unmet == 0);
}

/// <summary>The jury's word on one plan.</summary>
/// <param name="Items">Votes item by item.</param>
/// <param name="Mean">Mean over items, by their weights, of the share of jurors who call it met, 0–1; when all judge every item, the mean of their scores. Null when nobody could be read.</param>
/// <param name="Majority">Share of items, by their weights, that most jurors call met, a tie counting half, 0–1; null when nobody could be read.</param>
public sealed record JuryGrading(IReadOnlyList<JuryVote> Items, double? Mean, double? Majority);

/// <summary>How a juror stands to the others.</summary>
/// <param name="Juror">Name.</param>
/// <param name="Plans">Plans it graded.</param>
/// <param name="Ungraded">Plans whose grading could not be read: masked, never zero.</param>
/// <param name="Items">Items on which the other jurors have a majority to compare with.</param>
/// <param name="Agreement">Share of these where it says the same; null when there is none.</param>
/// <param name="Kappa">Cohen's κ of the same; null when it is not defined.</param>
/// <param name="MetShare">Share of all items that it calls met: how lenient it is; null when it graded nothing.</param>
public sealed record JurorAgreement(string Juror, int Plans, int Ungraded, int Items, double? Agreement, double? Kappa, double? MetShare);

/// <summary>What a jury said of a set of plans.</summary>
/// <param name="Plans">Its word on each plan, in order.</param>
/// <param name="Ties">Items without a majority.</param>
/// <param name="SharedItems">Items with two verdicts or more.</param>
/// <param name="Disagreement">Share of these that are not unanimous; null when there is none.</param>
/// <param name="Alpha">Krippendorff's α over all jurors; null when it is not defined.</param>
/// <param name="Jurors">Each juror against the others.</param>
public sealed record JuryResult(IReadOnlyList<JuryGrading> Plans, int Ties, int SharedItems, double? Disagreement, double? Alpha, IReadOnlyList<JurorAgreement> Jurors);

/// <summary>Several graders of the same plans, for evaluation only. No juror outweighs another, and a juror who could not be read is left out of that plan.</summary>
public static class Jury
{
    /// <summary>Aggregates verdicts.</summary>
    /// <param name="jurors">Names, at least one.</param>
    /// <param name="plans">For each plan and juror the verdict on every item; null where the juror could not be read.</param>
    /// <param name="weights">For each plan the weights of its items; null weighs all alike.</param>
    /// <exception cref="ArgumentException">A plan has not one entry per juror, or jurors judged different numbers of its items.</exception>
    public static JuryResult Aggregate(IReadOnlyList<string> jurors, IReadOnlyList<IReadOnlyList<IReadOnlyList<bool>?>> plans, IReadOnlyList<IReadOnlyList<double>>? weights = null)
    {
        ArgumentNullException.ThrowIfNull(jurors);
        ArgumentNullException.ThrowIfNull(plans);
        for (var plan = 0; plan < plans.Count; plan++)
        {
            if (plans[plan].Count != jurors.Count || plans[plan].OfType<IReadOnlyList<bool>>().Select(verdicts => verdicts.Count).Distinct().Count() > 1)
            {
                throw new ArgumentException($"Plan {plan + 1} has not one verdict per item from each of the {jurors.Count} jurors.", nameof(plans));
            }
        }

        var gradings = plans.Select((plan, p) => Grade([.. plan.OfType<IReadOnlyList<bool>>()], weights?[p])).ToArray();
        var votes = gradings.SelectMany(plan => plan.Items).ToArray();
        var shared = votes.Count(vote => vote.Shared);
        return new JuryResult(
            gradings,
            votes.Count(vote => vote.Majority is null),
            shared,
            shared == 0 ? null : votes.Count(vote => vote.Shared && !vote.Unanimous) / (double)shared,
            Agreement.KrippendorffAlpha(votes.Select(vote => (IReadOnlyCollection<bool>)[.. Enumerable.Repeat(true, vote.Met), .. Enumerable.Repeat(false, vote.Unmet)])),
            [.. jurors.Select((name, juror) => Against(name, juror, plans, gradings))]);
    }

    private static JuryGrading Grade(IReadOnlyList<bool>[] verdicts, IReadOnlyList<double>? weights)
    {
        if (verdicts.Length == 0 || verdicts[0].Count == 0)
        {
            return new JuryGrading([], null, null);
        }

        JuryVote[] items = [.. Enumerable.Range(0, verdicts[0].Count).Select(item => verdicts.Count(juror => juror[item])).Select(met => new JuryVote(met, verdicts.Length - met))];
        return new JuryGrading(
            items,
            Mean(vote => vote.Met / (double)(vote.Met + vote.Unmet)),
            Mean(vote => vote.Majority switch { true => 1, false => 0, null => 0.5 }));

        double Mean(Func<JuryVote, double> of) => weights is null ? items.Average(of) : items.Zip(weights, (vote, weight) => weight * of(vote)).Sum() / weights.Sum();
    }

    // Against the majority of the others: its own vote would agree with itself.
    private static JurorAgreement Against(string name, int juror, IReadOnlyList<IReadOnlyList<IReadOnlyList<bool>?>> plans, JuryGrading[] gradings)
    {
        var (pairs, met, items, graded) = (new List<(bool, bool)>(), 0, 0, 0);
        foreach (var (plan, grading) in plans.Zip(gradings))
        {
            if (plan[juror] is not { } verdicts)
            {
                continue;
            }

            graded++;
            items += verdicts.Count;
            met += verdicts.Count(verdict => verdict);
            foreach (var (own, vote) in verdicts.Zip(grading.Items))
            {
                var others = own ? vote with { Met = vote.Met - 1 } : vote with { Unmet = vote.Unmet - 1 };
                if (others.Majority is { } majority)
                {
                    pairs.Add((own, majority));
                }
            }
        }

        return new JurorAgreement(
            name,
            graded,
            plans.Count - graded,
            pairs.Count,
            pairs.Count == 0 ? null : pairs.Count(pair => pair.Item1 == pair.Item2) / (double)pairs.Count,
            Agreement.CohenKappa(pairs),
            items == 0 ? null : met / (double)items);
    }
}
