using System.Globalization;
using System.Text;
using System.Text.Json;
using CoScientist.Core;
using CoScientist.Core.Grading;
using CoScientist.Core.Grading.PaperProtocol;
using CoScientist.Core.Runs;
using CoScientist.Core.TextModels;
using CoScientist.Tests.Core.Fuzzing;
using CoScientist.Tests.Core.Grading;
using CoScientist.Training.Clusters;

namespace CoScientist.Tests.Training.Clusters;

/// <summary>The reward function that other trainers run gives what the application gives.</summary>
public sealed class PythonRewardTests : IDisposable
{
    private const string Reading = """
        import coscientist_grading as g

        def case(c):
            plan = g.read_plan(c["answer"], 750)
            try:
                verdicts = g.read_grading(c["grading"], len(c["weights"]))
            except g.Unreadable:
                verdicts = [None] * len(c["weights"])
            verdicts = [None if k in c["lost"] else v for k, v in enumerate(verdicts)]
            return {
                "plan": plan,
                "verdicts": [None if v is None else {"met": v["met"], "violated": v["violated"], "reasoning": v["reasoning"]} for v in verdicts],
                "share": g.share(verdicts, c["weights"]),
                "reward": g.reward(verdicts, c["weights"], plan, c["settings"]),
            }

        sys.stdout.write(json.dumps([case(c) for c in json.load(sys.stdin)]))
        """;

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("reward-");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Delete(recursive: true);

    [Fact]
    public async Task Reward_OfFiftyPlansAndManyMalformedGradings_EqualsTheApplicationsItemByItem()
    {
        Python.Require();
        Python.Unpack(folder.FullName, ClusterFiles.Common);
        var random = new SeededRandom(5, 9);
        Case[] cases = [.. Enumerable.Range(0, 50).Select(number => Recorded(random, number)), .. Enumerable.Range(0, 250).Select(_ => Mutated(random)), .. Awkward(), .. Damaged()];

        var (code, output, error) = await Python.RunAsync(folder.FullName, Reading, cases.Select(one => new
        {
            answer = one.Answer,
            grading = one.Grading,
            weights = one.Weights,
            lost = one.Lost,
            settings = JsonSerializer.SerializeToNode(one.Reward, RunSpec.JsonOptions),
        }));

        Assert.True(code == 0, error);
        using var document = JsonDocument.Parse(output);
        var told = document.RootElement.EnumerateArray().ToArray();
        Assert.Equal(cases.Length, told.Length);
        var (read, unread) = (0, 0);
        foreach (var (one, theirs) in cases.Zip(told))
        {
            Equal(one, theirs);
            _ = theirs.GetProperty("reward").ValueKind == JsonValueKind.Null ? unread++ : read++;
        }

        Assert.True(read > 60, $"only {read} gradings could be read");
        Assert.True(unread > 100, $"only {unread} gradings could not be read");
    }

    [Fact]
    public async Task Prompt_OfMaterialWithTagsAndOddWhiteSpace_EqualsTheApplications()
    {
        Python.Require();
        Python.Unpack(folder.FullName, ClusterFiles.Common);
        PaperGradingTask[] tasks =
        [
            new("A goal.", ["first", "second"], "One way.", "We do it."),
            new("  <goal> < /PLAN_2 > <plans> <thin\u212a> {plan} <item\u0301> ", ["a\r\nb\u2028c", "</ rubric>"], "  ", "{goal} <solution\u200d> <plan_3> <errors9> <errors\u00b2> <CRITERIA>\u001c"),
            new("x", ["<İtem> <ıtem> <ſolution> <item𝒳>"], null, "y"),
        ];
        const string Script = """
            import coscientist_grading as g
            given = json.load(sys.stdin)
            sys.stdout.write(json.dumps([g.grader_prompt(given["template"], t["goal"], t["items"], t["reference"], t["plan"]) for t in given["tasks"]]))
            """;

        var (code, output, error) = await Python.RunAsync(folder.FullName, Script, new { template = PaperPrompts.GraderTemplate, tasks = tasks.Select(task => new { goal = task.Goal, items = task.Items, reference = task.Reference, plan = task.Plan }) });

        Assert.True(code == 0, error);
        var theirs = JsonSerializer.Deserialize<string[][]>(output)!;
        Assert.Equal(tasks.Select(PaperPrompts.Grade).Select(prompt => new[] { prompt.System, prompt.User }), theirs);
    }

    private static void Equal(Case one, JsonElement theirs)
    {
        var plan = PlanReader.Read(one.Answer);
        var grading = PaperGradingParser.Parse(new TextCompletion(one.Grading, FinishReason.Stop, 1, 1), one.Weights.Length);
        ItemOutcome?[] outcomes = [.. one.Weights.Select((weight, k) => grading.Failure is not null || one.Lost.Contains(k) ? (ItemOutcome?)null : new ItemOutcome(grading.Verdicts[k].Met, grading.Verdicts[k].Violated.Count, weight))];
        var what = $"{one.Grading}\n---\n{one.Answer}\n--- {grading.Failure}";

        var told = theirs.GetProperty("plan");
        Assert.True((plan.Text, plan.Words, plan.Form.Finished, plan.Form.Overlong) == (told.GetProperty("text").GetString(), told.GetProperty("words").GetInt32(), told.GetProperty("finished").GetBoolean(), told.GetProperty("overlong").GetBoolean()), what);
        foreach (var (k, verdict) in theirs.GetProperty("verdicts").EnumerateArray().Index())
        {
            Assert.True(outcomes[k] is null == (verdict.ValueKind == JsonValueKind.Null), what);
            if (outcomes[k] is not null)
            {
                Assert.Equal(grading.Verdicts[k].Met, verdict.GetProperty("met").GetBoolean());
                Assert.Equal(grading.Verdicts[k].Violated, verdict.GetProperty("violated").EnumerateArray().Select(number => number.GetInt32()));
                Assert.Equal(grading.Verdicts[k].Reasoning, verdict.GetProperty("reasoning").GetString());
            }
        }

        // To the last bit: both are written in the shortest form that reads back as the same number.
        Assert.Equal(Reward.Share(outcomes), Number(theirs, "share"));
        Assert.Equal(Reward.Of(outcomes, plan.Form, one.Reward)?.Total, Number(theirs, "reward"));
    }

    private static double? Number(JsonElement element, string name) => element.GetProperty(name) is { ValueKind: JsonValueKind.Number } number ? number.GetDouble() : null;

    private static Case Recorded(SeededRandom random, int number)
    {
        var items = random.Next(10) + 1;
        var errors = Enumerable.Range(0, items).Select(_ => random.Next(3) == 0 ? "none" : string.Join(random.Next(2) == 0 ? "," : ", ", Enumerable.Range(1, 7).Where(_ => random.Next(3) == 0).DefaultIfEmpty(2)));
        var answer = (number % 5) switch
        {
            0 => "<think>hm</think>\n<solution>\nWe split by patient.\n</solution>",
            1 => "We think.</think><solution>We split",
            2 => "no tags at all",
            3 => $"<solution>{string.Join(' ', Enumerable.Repeat("word", 751))}</solution>",
            _ => "The <solution> tag follows.\n<SOLUTION>\u00a0We do. \u3000</Solution> <solution",
        };
        return new Case(answer, PaperAnswers.Of([.. errors]), [.. Enumerable.Range(0, items).Select(_ => random.Next(3) == 0 ? 1 : 0.1 + (random.Next(40) / 7.0))], random.Next(4) == 0 ? [random.Next(items)] : [], Settings(random));
    }

    private static RewardSpec Settings(SeededRandom random) => new()
    {
        Scoring = random.Next(2) == 0 ? ItemScoring.Binary : ItemScoring.Levels,
        LevelValues = [0, 0.2, 0.7, 1],
        SpecificWeight = random.Next(2) == 0 ? 1 : 0.7,
        UnfinishedPenalty = random.Next(3) / 2.0,
        OverlongPenalty = 0.3,
    };

    /// <summary>A whole grading with one or two pieces taken away, doubled or put elsewhere.</summary>
    private static Case Mutated(SeededRandom random)
    {
        string[] strays = ["<", ">", "</item>", "<item num=1>", "<errors>", "none", ",", "\"", "'", " ", "\u001c", "\u0085", "8", "\0", "²", "</think>", "<think>", "<itemise>", "</ Item", "\n\n", "ſ", "K", "num", "="];
        var given = Recorded(random, random.Next(5));
        var text = given.Grading;
        for (var change = random.Next(2); change >= 0; change--)
        {
            var at = random.Next(text.Length);
            var length = Math.Min(random.Next(6), text.Length - at);
            text = random.Next(3) switch
            {
                0 => text.Remove(at, length),
                1 => text.Insert(at, strays[random.Next(strays.Length)]),
                _ => text.Insert(random.Next(text.Length), text.Substring(at, length)),
            };
        }

        return given with { Grading = text };
    }

    private static IEnumerable<Case> Awkward()
    {
        string[] gradings =
        [
            "", "w", PaperAnswers.Item("1", "none"), $"<think>x</think>\nw {PaperAnswers.Item("1", "none")}", $"w {PaperAnswers.Item("\"1\"", "NONE")}", $"w {PaperAnswers.Item("'1\"", "none")}",
            $"w {PaperAnswers.Item("1\0", "none")}", $"w {PaperAnswers.Item("+1", "none")}", $"w {PaperAnswers.Item("01", "07")}", $"w {PaperAnswers.Item("1", "1,,2")}", $"w {PaperAnswers.Item("1", "1,1")}",
            $"w {PaperAnswers.Item("1", "٣")}", $"w {PaperAnswers.Item("99999999999999999999", "1")}", $"w {PaperAnswers.Item(new string('0', 5000) + "1", "1")}", $"w {PaperAnswers.Item("1", "none")} more",
            $"w {PaperAnswers.Item("1", "none")}\u2003", $"w {PaperAnswers.Item("1", "none", "see <items> and <item's>")}", $"w {PaperAnswers.Item("1", "none", "see <items>")}", $"w {PaperAnswers.Item("1", "none", "see <item\u0301>")}",
            $"w {PaperAnswers.Item("1", "none", "see <item²>")}", $"w {PaperAnswers.Item("1", "none", "\u00a0")}", $"w {PaperAnswers.Item("1", "none", "\u001c")}", $"w {PaperAnswers.Item("1", "none").ToUpperInvariant()}",
            $"w {PaperAnswers.Item("1", "none").Replace("item", "ıtem", StringComparison.Ordinal)}", $"w {PaperAnswers.Item("1", "none").Replace("errors", "errorſ", StringComparison.Ordinal)}",
            $"w <item\u001cnum=1>{PaperAnswers.Item("1", "none")[12..]}", $"w <item\u3000num = 1 >{PaperAnswers.Item("1", "none")[12..]}",
        ];
        return gradings.Select(grading => new Case("<solution>We do.</solution>", grading, [1], [], new RewardSpec()));
    }

    /// <summary>Gradings and answers damaged as those of the parsers are; <c>COSCIENTIST_FUZZ_INPUTS=10000</c> says how many.</summary>
    private static IEnumerable<Case> Damaged()
    {
        var count = int.TryParse(Environment.GetEnvironmentVariable("COSCIENTIST_FUZZ_INPUTS"), CultureInfo.InvariantCulture, out var asked) ? asked : 100;
        var gradings = new InputGenerator([.. new[] { PaperAnswers.Of("none", "1, 3"), "<think>hm</think>\n" + PaperAnswers.Of("2", "none") }.Select(Encoding.UTF8.GetBytes)], 3);
        var answers = new InputGenerator([.. new[] { "<think>a</think>\n<solution>We do it. Then that.</solution>", "We think.</think><solution>We split" }.Select(Encoding.UTF8.GetBytes)], 4);
        return Enumerable.Range(0, count).Select(_ => new Case(Encoding.UTF8.GetString(answers.Next()), Encoding.UTF8.GetString(gradings.Next()), [1, 0.5], [], new RewardSpec()));
    }

    private sealed record Case(string Answer, string Grading, double[] Weights, int[] Lost, RewardSpec Reward);
}
