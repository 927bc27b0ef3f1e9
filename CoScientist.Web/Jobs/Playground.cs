using System.Diagnostics;
using CoScientist.Core.Goals;
using CoScientist.Core.Grading;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using PlanToGrade = CoScientist.Training.Protocols.PlanToGrade;

namespace CoScientist.Web.Jobs;

/// <summary>One side of the playground.</summary>
/// <param name="Model">Who wrote.</param>
/// <param name="Plan">What it wrote.</param>
/// <param name="Grade">How it was graded; null when there is no plan or no grader.</param>
/// <param name="Took">How long the writing took.</param>
internal sealed record PlaygroundSide(string Model, WrittenPlan Plan, PlanGrade? Grade, TimeSpan Took);

/// <summary>What the playground made.</summary>
/// <param name="Goal">The goal, with the items that count.</param>
/// <param name="Sides">Both plans, in the order of the models.</param>
/// <param name="Seed">The seed that both writers drew from.</param>
internal sealed record PlaygroundResult(RunGoal Goal, IReadOnlyList<PlaygroundSide> Sides, long Seed);

/// <summary>Has two models write for one goal from the same seed and grades both, one request at a time. Nothing is stored.</summary>
internal sealed class Playground(ModelRoles roles)
{
    private readonly SemaphoreSlim one = new(1);

    /// <summary>Does it.</summary>
    /// <param name="goal">The goal with its items.</param>
    /// <param name="models">Names of the models, as on the Models page.</param>
    /// <param name="grader">Name of the grader, or <see cref="ModelRoles.Oracle"/>; null for none.</param>
    /// <param name="temperature">Sampling temperature; 0 is greedy.</param>
    /// <param name="seed">Seed.</param>
    /// <param name="progress">Called with what is being done, on any thread.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="InvalidDataException">A model is missing, or does not speak the goal's language; the message says what to do.</exception>
    public async Task<PlaygroundResult> RunAsync(Goal goal, IReadOnlyList<string> models, string? grader, double temperature, long seed, Action<string> progress, CancellationToken cancellationToken)
    {
        progress("Waiting for another playground …");
        await one.WaitAsync(cancellationToken);
        try
        {
            var rubric = GradingStore.Rubric(goal);
            var written = new List<(string Model, WrittenPlan Plan, TimeSpan Took, long Seed)>();
            foreach (var model in models)
            {
                progress($"{model} writes …");
                using var writer = await roles.WriterAsync(model, cancellationToken);
                RequireLanguage(writer.Sandbox, goal, model);
                var watch = Stopwatch.StartNew();
                var plan = (await writer.WriteAsync([goal], temperature, seed, cancellationToken))[0];
                written.Add((model, plan, watch.Elapsed, writer.SeedFor(goal, seed)));
            }

            var grades = await GradeAsync(goal, rubric, [.. written.Select(side => side.Plan.Text)], grader, progress, cancellationToken);
            return new PlaygroundResult(rubric, [.. written.Zip(grades, (side, grade) => new PlaygroundSide(side.Model, side.Plan, grade, side.Took))], written[0].Seed);
        }
        finally
        {
            one.Release();
        }
    }

    private async Task<IReadOnlyList<PlanGrade?>> GradeAsync(Goal goal, RunGoal rubric, string?[] plans, string? name, Action<string> progress, CancellationToken cancellationToken)
    {
        var grades = new PlanGrade?[plans.Length];
        if (name is null || rubric.Items.Count == 0)
        {
            return grades;
        }

        progress($"{name} grades …");
        using var grader = await roles.GraderAsync(name, name == ModelRoles.Oracle ? GraderRole.Oracle : GraderRole.Judge, cancellationToken);
        RequireLanguage(grader.Sandbox, goal, name);
        int[] there = [.. Enumerable.Range(0, plans.Length).Where(side => plans[side] is not null)];
        var given = await grader.GradeAsync([.. there.Select(side => new PlanToGrade(rubric, plans[side]!))], cancellationToken);
        foreach (var (side, grade) in there.Zip(given))
        {
            grades[side] = grade;
        }

        return grades;
    }

    private static void RequireLanguage(bool sandbox, Goal goal, string model)
    {
        if (sandbox != goal.IsSandbox)
        {
            throw new InvalidDataException(sandbox
                ? $"{model} only speaks the sandbox's language: choose a goal of the sandbox, or another model."
                : $"{model} does not speak the sandbox's language: choose a real goal, or a checkpoint of the sandbox.");
        }
    }
}
