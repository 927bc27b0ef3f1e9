using System.Globalization;
using System.Text;
using CoScientist.Core;
using CoScientist.Core.Extraction;
using CoScientist.Core.Extraction.Pipelines;
using CoScientist.Core.Goals;
using CoScientist.Core.Goals.Checks;
using CoScientist.Core.Papers;
using CoScientist.Core.Statistics;

namespace CoScientist.Training.Sandbox.Leakage;

/// <summary>Leakage of one pipeline with one creator on papers of the sandbox.</summary>
/// <param name="Papers">"as printed"; "with previews": abstract and introduction tell two decisions beforehand; "in odd frames": in sentences that no rule of the pipelines knows.</param>
/// <param name="Creator">Name of the creator.</param>
/// <param name="Pipeline">Name of the pipeline.</param>
/// <param name="Goals">Papers that gave a goal.</param>
/// <param name="Failed">Papers that gave none.</param>
/// <param name="Items">Rubric items.</param>
/// <param name="Leaks">Items that leak by the world's truth.</param>
/// <param name="Truth">Their share with its 95% interval; goals are the clusters.</param>
/// <param name="Wording">The share that the check by wording calls leaks.</param>
/// <param name="Left">The share that leaks by the truth once those are taken out.</param>
public sealed record SandboxLeakageRow(string Papers, string Creator, string Pipeline, int Goals, int Failed, int Items, int Leaks, Estimate Truth, Estimate Wording, Estimate Left);

/// <summary>How the check by wording does against the truth, over all items of the pipeline that takes none out.</summary>
/// <param name="Threshold">Share of content words in the goal from which an item counts as leaking, by that alone; null for the check as it is.</param>
/// <param name="Flagged">Items that it flags.</param>
/// <param name="Precision">Share of these that leak; null when there are none.</param>
/// <param name="Recall">Share of leaking items that it flags; null when none leaks.</param>
/// <param name="RecallVerbatim">The same of items whose decision stands in the goal in the same words.</param>
/// <param name="RecallReworded">The same of items whose decision stands there in other words only.</param>
public sealed record WordingCheckRow(double? Threshold, int Flagged, double? Precision, double? Recall, double? RecallVerbatim, double? RecallReworded);

/// <summary>Whether abstract and introduction of a paper tell two of its decisions beforehand.</summary>
internal enum SandboxPreviews
{
    /// <summary>No.</summary>
    None,

    /// <summary>As what was done, or what it can rest on.</summary>
    Told,

    /// <summary>In sentences that no rule of the pipelines knows.</summary>
    InOddFrames,
}

/// <summary>The measurement.</summary>
/// <param name="Rows">Leakage.</param>
/// <param name="Check">The check by wording against the truth.</param>
public sealed record SandboxLeakageReport(IReadOnlyList<SandboxLeakageRow> Rows, IReadOnlyList<WordingCheckRow> Check);

/// <summary>
/// Measures leakage where the truth is known: both pipelines read papers of the sandbox with the same creators, and the world
/// says which items can be read off their goals. The rates of the creator that slips are set, not found, so that its plain
/// rate shows nothing by itself; what is measured is how much of it each pipeline lets through.
/// </summary>
public static class SandboxLeakage
{
    private const long Seed = 11;
    private static readonly double[] Thresholds = [0.4, 0.5, 0.6, 0.7, 0.8];

    private static readonly SandboxCreatorOptions SortsAtRandom = new() { Name = "slips, sorts at random", Missort = 0.5 };

    /// <summary>The creators of the table.</summary>
    public static IReadOnlyList<SandboxCreatorOptions> Creators { get; } = [new() { Name = "slips" }, SortsAtRandom, new() { Name = "copies sentences", CopiesSentences = true }];

    /// <summary>Measures.</summary>
    /// <param name="papers">Papers to read, from the sandbox's test goals: 1 to 320.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public static async Task<SandboxLeakageReport> MeasureAsync(int papers, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(papers, 1);
        var goals = SandboxLibrary.Goals.Where(goal => goal.Split == GoalSplit.Test).Take(papers).ToList();
        var rows = new List<SandboxLeakageRow>();
        var judged = new List<JudgedItem>();
        foreach (var previews in Enum.GetValues<SandboxPreviews>())
        {
            List<Paper> printed = [.. goals.Select(goal => Print(goal, previews))];
            foreach (var creator in Creators)
            {
                // Only one of the pipelines sorts.
                foreach (var pipeline in ExtractionPipelines.Names.Reverse().Where(pipeline => pipeline == ExtractionPipelines.LeakResistant || creator != SortsAtRandom))
                {
                    rows.Add(await MeasureAsync(printed, Kind(previews), creator, pipeline, judged, cancellationToken));
                }
            }
        }

        return new SandboxLeakageReport(rows, [.. Thresholds.Select(threshold => Row(threshold, judged)), Row(null, judged)]);
    }

    /// <summary>The paper of a goal as the pipelines get it: sentences begin with capitals, as their readers expect, and perhaps two decisions are told beforehand.</summary>
    internal static Paper Print(SandboxGoal goal, SandboxPreviews previews)
    {
        var paper = SandboxLibrary.Build(goal, DateTimeOffset.UnixEpoch).Paper;
        if (previews != SandboxPreviews.None)
        {
            var random = new SeededRandom(Seed, goal.WordingSeed);
            List<SandboxDecision> decisions = [.. SandboxFacts.Of(string.Join(' ', paper.Sections.Select(section => section.Text))).Decisions.OrderBy(decision => (decision.Facet, decision.Way))];
            random.Shuffle(decisions);
            paper.Abstract += " " + Preview(decisions[0], previews, random);
            paper.Sections[0].Text += " " + Preview(decisions[1], previews, random);
        }

        paper.Abstract = Capitalised(paper.Abstract);
        foreach (var section in paper.Sections)
        {
            section.Text = Capitalised(section.Text);
        }

        return paper;
    }

    private static string Kind(SandboxPreviews previews) => previews switch
    {
        SandboxPreviews.None => "as printed",
        SandboxPreviews.Told => "with previews",
        _ => "in odd frames",
    };

    // "we split the data by …" or "this rests on …", the way in its own words or in others.
    private static string Preview(SandboxDecision decision, SandboxPreviews previews, SeededRandom random)
    {
        var facet = SandboxWords.Facets[decision.Facet];
        var way = random.Next(2) == 0 ? facet.Ways[decision.Way] : SandboxParaphrases.Ways[decision.Facet][decision.Way];
        if (previews == SandboxPreviews.InOddFrames)
        {
            return random.Next(2) == 0 ? $"{random.Pick(facet.Nouns)} has profited from {way}." : $"{way} has long served {random.Pick(facet.Nouns)}.";
        }

        return random.Next(2) == 0 ? $"we {random.Pick(facet.Actions)} by {way}." : $"{random.Pick(facet.Nouns)} can rest on {way}.";
    }

    private static string Capitalised(string text)
    {
        var result = new StringBuilder(text);
        for (var i = 0; i < result.Length; i++)
        {
            if (i == 0 || (result[i - 1] == ' ' && i > 1 && result[i - 2] is '.' or '?'))
            {
                result[i] = char.ToUpperInvariant(result[i]);
            }
        }

        return result.ToString();
    }

    private static async Task<SandboxLeakageRow> MeasureAsync(IReadOnlyList<Paper> papers, string kind, SandboxCreatorOptions options, string pipeline, List<JudgedItem> judged, CancellationToken cancellationToken)
    {
        var creator = new SandboxCreator(options);
        var goals = new List<List<JudgedItem>>();
        var failed = 0;
        foreach (var paper in papers)
        {
            try
            {
                var goal = await ExtractionPipelines.ExtractAsync(pipeline, creator, creator, paper, Seed, cancellationToken);
                goals.Add([.. Judge(goal)]);
            }
            catch (ExtractionException)
            {
                failed++;
            }
        }

        if (pipeline == ExtractionPipelines.Paper)
        {
            judged.AddRange(goals.SelectMany(goal => goal));
        }

        return new SandboxLeakageRow(
            kind,
            options.Name,
            pipeline,
            goals.Count,
            failed,
            goals.Sum(goal => goal.Count),
            goals.Sum(goal => goal.Count(item => item.Leaks)),
            ClusteredShare.Of(goals.ConvertAll(goal => (goal.Count(item => item.Leaks), goal.Count))),
            ClusteredShare.Of(goals.ConvertAll(goal => (goal.Count(item => item.Flagged), goal.Count))),
            ClusteredShare.Of(goals.ConvertAll(goal => (goal.Count(item => item.Leaks && !item.Flagged), goal.Count(item => !item.Flagged)))));
    }

    private static IEnumerable<JudgedItem> Judge(ExtractedGoal goal)
    {
        var told = SandboxFacts.Of(goal.Text);
        var checks = ItemLint.Check(goal.Text, [.. goal.Items.Select(item => item.Text)]);
        return goal.Items.Zip(checks, (item, check) =>
        {
            var asked = SandboxFacts.Of(item.Text);
            return new JudgedItem(asked.LeakFrom(told), SandboxFacts.SaysVerbatim(goal.Text, item.Text), check.GoalShare, check.GoalWords, check.Leaks);
        });
    }

    private static WordingCheckRow Row(double? threshold, List<JudgedItem> items)
    {
        bool Flags(JudgedItem item) => threshold is null ? item.Flagged : item.GoalShare >= threshold && item.GoalWords >= ItemLint.LeastLeakWords;
        double? Share(Func<JudgedItem, bool> of, Func<JudgedItem, bool> which) => items.Count(of) is > 0 and var all ? (double)items.Count(item => of(item) && which(item)) / all : null;
        return new WordingCheckRow(
            threshold,
            items.Count(Flags),
            Share(Flags, item => item.Leaks),
            Share(item => item.Leaks, Flags),
            Share(item => item.Leaks && item.Verbatim, Flags),
            Share(item => item.Leaks && !item.Verbatim, Flags));
    }

    private sealed record JudgedItem(bool Leaks, bool Verbatim, double GoalShare, int GoalWords, bool Flagged);
}
