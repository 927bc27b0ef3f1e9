using System.Text.Json;
using System.Text.Json.Nodes;
using CoScientist.Core.Evaluations;
using CoScientist.Core.Goals;
using CoScientist.Core.Grading;
using CoScientist.Core.Grading.PaperProtocol;
using CoScientist.Core.Runs;
using CoScientist.Training.Protocols;
using CoScientist.Training.Sandbox;
using CoScientist.Web.Configuration;

namespace CoScientist.Web.Jobs;

/// <summary>
/// Writes plans for held-out goals with any set of models and has them scored, batch after batch, each kept at once: a stopped
/// evaluation goes on where it was, and comes to the same.
/// </summary>
internal sealed class EvaluationJob(ModelRoles roles, EvaluationGoals goals, CoScientistOptions options, TimeProvider time)
{
    private const int PairsPerBatch = 8;

    /// <summary>The folder of an evaluation.</summary>
    public EvaluationFolder Folder(string name) => new(Path.Combine(options.DataDirectory, EvaluationFolder.Parent, name));

    /// <summary>Names of the evaluations that there are, sorted.</summary>
    public IReadOnlyList<string> Names()
    {
        var parent = Path.Combine(options.DataDirectory, EvaluationFolder.Parent);
        return Directory.Exists(parent) ? [.. Directory.EnumerateDirectories(parent).Select(Path.GetFileName).OfType<string>().Where(name => Folder(name).Exists).Order(StringComparer.Ordinal)] : [];
    }

    /// <summary>What model servers are called for by an evaluation, in the ledger.</summary>
    public static string Purpose(string name) => $"evaluate {name}";

    /// <summary>Does it, or goes on with it.</summary>
    /// <param name="name">Name of the evaluation.</param>
    /// <param name="spec">What is to be done; the same as before when it goes on.</param>
    /// <param name="progress">Called after each batch with what is being done, how much is done and how much there is.</param>
    /// <param name="cancellationToken">Cancels between batches; what was done stays done.</param>
    /// <returns>One sentence for each plan that could not be had or scored.</returns>
    /// <exception cref="InvalidDataException">It cannot be done as asked; the message says what to do, and nothing was changed.</exception>
    public async Task<IReadOnlyList<string>> RunAsync(string name, EvaluationSpec spec, Action<string, int, int> progress, CancellationToken cancellationToken)
    {
        Require(name, spec);
        var folder = Folder(name);
        if (folder.Exists)
        {
            RequireSame(name, folder.ReadSpec(), spec);
        }

        var sandbox = await KindAsync(name, spec, cancellationToken);
        var data = folder.Exists ? folder.ReadData() : await goals.FindAsync(spec, sandbox, cancellationToken);
        using var journal = EvaluationJournal.Open(folder);
        if (!folder.Exists)
        {
            journal.Begin(spec, data);
        }

        var failures = new List<string>();
        foreach (var model in spec.Models)
        {
            await WriteAsync(name, journal, folder, spec, data, model, failures, progress, cancellationToken);
        }

        foreach (var scorer in spec.Scorers())
        {
            await ScoreAsync(name, journal, folder, spec, data, scorer, failures, progress, cancellationToken);
        }

        foreach (var rubric in spec.PairwiseRubric ? [false, true] : spec.Pairwise ? [false] : Array.Empty<bool>())
        {
            foreach (var judge in spec.Comparers())
            {
                await CompareAsync(name, journal, folder, spec, data, judge, rubric, failures, progress, cancellationToken);
            }
        }

        return failures;
    }

    private static void Require(string name, EvaluationSpec spec)
    {
        List<string> faults = [.. spec.Faults()];
        if (!EvaluationSpec.IsName(name))
        {
            faults.Add($"--name \"{name}\": use lower-case letters, digits and hyphens, 64 at most.");
        }

        if (faults.Count > 0)
        {
            throw new InvalidDataException(string.Join(' ', faults));
        }
    }

    private static void RequireSame(string name, EvaluationSpec before, EvaluationSpec now)
    {
        var (old, @new) = (Fields(before), Fields(now));
        var changed = old.Concat(@new).Select(field => field.Key).Distinct(StringComparer.Ordinal).Where(key => !JsonNode.DeepEquals(old[key], @new[key])).Select(key => $"{key} was {old[key]?.ToJsonString() ?? "none"}").ToList();
        if (changed.Count > 0)
        {
            throw new InvalidDataException($"The evaluation {name} was started with other settings ({string.Join("; ", changed)}): repeat them to go on with it, or choose another --name.");
        }

        static JsonObject Fields(EvaluationSpec spec) => JsonSerializer.SerializeToNode(spec, RunFolder.LineOptions)!.AsObject();
    }

    // Loads every model once, so that a misspelt name is found before the first plan is written.
    private async Task<bool> KindAsync(string name, EvaluationSpec spec, CancellationToken cancellationToken)
    {
        var kinds = new List<(string Name, bool Sandbox)>();
        foreach (var model in spec.Models)
        {
            using var writer = await WriterAsync(name, spec, model, cancellationToken);
            kinds.Add((model, writer.Sandbox));
        }

        foreach (var scorer in spec.Scorers())
        {
            using var grader = await GraderAsync(name, spec, scorer, GraderRole.Judge, cancellationToken);
            kinds.Add((scorer, grader.Sandbox));
        }

        var sandbox = kinds[0].Sandbox;
        if (kinds.Find(kind => kind.Sandbox != sandbox) is { Name: { } other })
        {
            throw new InvalidDataException(sandbox
                ? $"{kinds[0].Name} writes for the sandbox's goals and {other} works on real ones: name models of one kind."
                : $"{kinds[0].Name} writes for real goals, but {other} knows only the sandbox's world: name models of your own or model servers with --judge and --grader (--grader none leaves the grader out).");
        }

        if (spec.Pairwise && sandbox)
        {
            throw new InvalidDataException($"--pairwise: plans are compared in pairs by a model that follows instructions (a model server, or a checkpoint with a chat template), and {spec.Judge} cannot. Leave it out: win rates by the judge's scores are shown in any case.");
        }

        return sandbox;
    }

    private async Task WriteAsync(string name, EvaluationJournal journal, EvaluationFolder folder, EvaluationSpec spec, EvaluationData data, string model, List<string> failures, Action<string, int, int> progress, CancellationToken cancellationToken)
    {
        var present = folder.ReadPlans().Select(plan => plan.Key).ToHashSet();
        int?[] samples = [.. Enumerable.Range(0, spec.Plans).Select(sample => (int?)sample), .. spec.Greedy ? [null] : Array.Empty<int?>()];
        var open = samples.SelectMany(sample => data.Goals, (sample, goal) => (sample, goal)).Where(plan => !present.Contains((model, plan.goal.Id, plan.sample))).ToList();
        if (open.Count == 0)
        {
            return;
        }

        using var writer = await WriterAsync(name, spec, model, cancellationToken);
        var done = 0;
        foreach (var round in open.GroupBy(plan => plan.sample))
        {
            var (seed, temperature) = (spec.Seed + (round.Key ?? 0), round.Key is null ? 0 : spec.Temperature);
            foreach (var batch in round.Select(plan => plan.goal).Chunk(writer.BatchSize))
            {
                List<Goal> texts = [.. batch.Select(Goal)];
                var answers = await writer.WriteAsync(texts, temperature, seed, cancellationToken);
                failures.AddRange(batch.Zip(answers).Where(pair => pair.Second.Text is null).Select(pair => $"{model}, goal {pair.First.Id}: no plan, because {pair.Second.Fault}. Evaluate again with the same name to ask once more."));
                journal.Append(
                    EvaluationFolder.PlansFile,
                    batch.Zip(texts, answers).Where(plan => plan.Third.Text is not null).Select(plan => new EvaluationPlan(
                        model,
                        plan.First.Id,
                        round.Key,
                        writer.SeedFor(plan.Second, seed),
                        plan.Third.Text!,
                        plan.Third.Tokens,
                        plan.Third.Finished,
                        data.Sandbox ? SandboxOracle.Check(plan.Third.Text!, plan.Third.Finished).WellFormed : plan.Third is { Fault: null, Finished: true })));
                done += batch.Length;
                progress($"plans by {model}", done, open.Count);
            }
        }
    }

    private async Task ScoreAsync(string name, EvaluationJournal journal, EvaluationFolder folder, EvaluationSpec spec, EvaluationData data, string scorer, List<string> failures, Action<string, int, int> progress, CancellationToken cancellationToken)
    {
        var scored = folder.ReadGradings().Where(grading => grading.Scorer == scorer && grading.Score is not null).Select(grading => grading.Plan).ToHashSet();
        var open = folder.ReadPlans().Where(plan => !scored.Contains(plan.Key)).ToList();
        if (open.Count == 0)
        {
            return;
        }

        var known = data.Goals.ToDictionary(goal => goal.Id, StringComparer.Ordinal);
        using var grader = await GraderAsync(name, spec, scorer, scorer == spec.Grader ? GraderRole.SelfGrade : GraderRole.Judge, cancellationToken);
        var done = 0;
        foreach (var batch in open.Chunk(grader.BatchSize))
        {
            var grades = await grader.GradeAsync([.. batch.Select(plan => new PlanToGrade(known[plan.Goal], plan.Text))], cancellationToken);
            failures.AddRange(batch.Zip(grades).Where(pair => pair.Second.Score is null).Select(pair => $"{pair.First.Model}, goal {pair.First.Goal}: not scored by {scorer}, because {pair.Second.Failure}."));
            journal.Append(EvaluationFolder.GradingsFile, batch.Zip(grades, (plan, grade) => new EvaluationGrading(
                plan.Model,
                plan.Goal,
                plan.Sample,
                scorer,
                grade.Score,
                grade.Score is null ? null : [.. grade.Verdicts.Select(verdict => verdict.Met)],
                grade.Failure)
            {
                Violated = grade.Score is null ? null : [.. grade.Verdicts.Select(verdict => verdict.Violated)],
                Probabilities = grade.Score is null || grade.Verdicts.Any(verdict => verdict.Probability is null) ? null : [.. grade.Verdicts.Select(verdict => verdict.Probability!.Value)],
            }));
            done += batch.Length;
            progress($"plans scored by {scorer}", done, open.Count);
        }
    }

    private async Task CompareAsync(string name, EvaluationJournal journal, EvaluationFolder folder, EvaluationSpec spec, EvaluationData data, string judge, bool rubric, List<string> failures, Action<string, int, int> progress, CancellationToken cancellationToken)
    {
        var plans = folder.ReadPlans().ToDictionary(plan => plan.Key);
        var read = folder.ReadPairs().Where(pair => pair.Verdict.Choice is not null && (pair.Judge ?? spec.Judge) == judge && pair.Rubric == rubric).Select(pair => (pair.Model, pair.Goal, pair.Sample)).ToHashSet();
        var open = plans.Values.Where(plan => plan.Model != spec.Models[0] && plan.Sample is not null && !read.Contains(plan.Key) && plans.ContainsKey(plan.Key with { Model = spec.Models[0] })).ToList();
        if (open.Count == 0)
        {
            return;
        }

        var known = data.Goals.ToDictionary(goal => goal.Id, StringComparer.Ordinal);
        // Pairs are compared in an answer, wherever verdicts are read.
        using var grader = await GraderAsync(name, spec with { Verdicts = null }, judge, GraderRole.Judge, cancellationToken);
        var comparer = new PaperComparer(grader.Model!);
        var (how, done) = (rubric ? " with the rubric" : "", 0);
        foreach (var batch in open.Chunk(PairsPerBatch))
        {
            var verdicts = await comparer.CompareAsync([.. batch.Select(plan => new PaperComparisonTask(known[plan.Goal].Text, plan.Text, plans[plan.Key with { Model = spec.Models[0] }].Text, rubric ? [.. known[plan.Goal].Items.Select(item => item.Text)] : null))], spec.Seed, cancellationToken);
            failures.AddRange(batch.Zip(verdicts).Where(pair => pair.Second.Choice is null).Select(pair => $"{pair.First.Model}, goal {pair.First.Goal}: the comparison with {spec.Models[0]}{how} by {judge} could not be read."));
            journal.Append(EvaluationFolder.PairsFile, batch.Zip(verdicts, (plan, verdict) => new EvaluationPair(plan.Model, plan.Goal, plan.Sample, verdict.Shown, verdict.Exchanged) { Judge = judge, Rubric = rubric }));
            done += batch.Length;
            progress($"pairs judged by {judge}{how}", done, open.Count);
        }
    }

    private Task<PlanWriter> WriterAsync(string name, EvaluationSpec spec, string model, CancellationToken cancellationToken) =>
        roles.WriterAsync(model, Dtypes.Of(spec.Dtype), spec.MaxTokens, cancellationToken, Purpose(name));

    // A model server's verdicts are read in its answer, whatever those of checkpoints are read in.
    private async Task<PlanGrader> GraderAsync(string name, EvaluationSpec spec, string scorer, GraderRole role, CancellationToken cancellationToken) =>
        await roles.GraderAsync(scorer, role, Dtypes.Of(spec.Dtype), await roles.IsServerAsync(scorer, cancellationToken) ? new GradingSpec() : spec.Grading(), cancellationToken, Purpose(name));

    private Goal Goal(RunGoal goal) => new()
    {
        Id = GoalId.From(Guid.Parse(goal.Id)),
        Domain = goal.Domain,
        Text = goal.Text,
        Origin = "evaluation",
        ExternalKey = goal.ExternalKey,
        Split = GoalSplit.Test,
        CreatedAt = time.GetUtcNow(),
    };
}
