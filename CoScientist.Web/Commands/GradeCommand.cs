using System.CommandLine;
using System.Globalization;
using CoScientist.Core.Grading;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Core.TextModels;
using CoScientist.Web.Jobs;

namespace CoScientist.Web.Commands;

/// <summary>Gradings of stored plans, by the oracle, a checkpoint or a model server.</summary>
internal static class GradeCommand
{
    public static Command Create()
    {
        var grader = new Option<string?>("--grader") { Description = $"Grader: {ModelRoles.Oracle} or a sandbox checkpoint (sandbox plans), another checkpoint or a model server (real plans). Default: who plays the role on Admin, Model servers" };
        var writer = new Option<string?>("--writer") { Description = "Only plans of this writer" };
        var goals = GoalChoice.Goals("all");
        var domain = GoalChoice.Domain();
        var role = new Option<string>("--role") { Description = "Capacity of the grader: judge, or self when it is the frozen start of the writer", DefaultValueFactory = _ => "judge" };
        role.AcceptOnlyFromAmong("judge", "self");
        var verdicts = new Option<string>("--verdicts") { Description = "Where a checkpoint's verdicts on real plans are read: in its written answer, or in the likelihood of one digit, which costs one pass", DefaultValueFactory = _ => "answer" };
        verdicts.AcceptOnlyFromAmong("answer", "likelihood");
        var threshold = new Option<double>("--threshold") { Description = "Likelihood above which an item is met; with --verdicts likelihood", DefaultValueFactory = _ => new GradingSpec().Threshold };
        var dtype = Dtype.Create();
        var command = new Command("grade", "Grade plans item by item") { grader, writer, goals, domain, role, verdicts, threshold, dtype, CommandContext.Fresh };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var (named, capacity) = (parsed.GetValue(grader), parsed.GetValue(role) == "self" ? GraderRole.SelfGrade : GraderRole.Judge);
            if (named == ModelRoles.Oracle && capacity == GraderRole.SelfGrade)
            {
                throw new CommandException("--role self: the oracle only ever judges. Leave --role out, or name another grader.");
            }

            if (parsed.GetValue(threshold) is not (> 0 and < 1))
            {
                throw new CommandException($"--threshold {parsed.GetValue(threshold)}: choose a number above 0 and below 1.");
            }

            var grading = new GradingSpec { Verdicts = Enum.Parse<VerdictReading>(parsed.GetValue(verdicts)!, ignoreCase: true), Threshold = parsed.GetValue(threshold) };
            await using var services = await CommandContext.OpenAsync(parsed, DataUse.Writes, cancellationToken);
            var roles = services.GetRequiredService<ModelRoles>();
            var name = named ?? roles.PlayerOf(capacity == GraderRole.SelfGrade ? ModelRole.Grader : ModelRole.Judge, "--grader");
            using var worker = await roles.GraderAsync(name, capacity, Dtype.Of(parsed.GetValue(dtype)!), grading, cancellationToken);
            var filter = new GoalFilter(worker.Sandbox, GoalChoice.Split(parsed.GetValue(goals)!), parsed.GetValue(domain));
            var result = await services.GetRequiredService<GradeJob>().RunAsync(worker, filter, parsed.GetValue(writer), GoalChoice.Progress("plans"), cancellationToken);
            CommandContext.Answer(
                parsed,
                new { Grader = worker.Name, worker.Role, worker.Protocol, worker.PromptVersion, result.Graded, result.Ungraded, result.AlreadyGraded, result.LeftOut, result.MeanScore, result.Failures },
                [Line(worker, result)]);
            return GoalChoice.Report(parsed, result.Failures);
        });
        return command;
    }

    private static string Line(PlanGrader grader, GradeResult result)
    {
        var mean = result.MeanScore is { } score ? string.Create(CultureInfo.InvariantCulture, $" (mean score {score:F3})") : "";
        return $"{result.Graded} plans graded by {grader.Name}{mean}, {result.Ungraded} ungraded, {result.AlreadyGraded} graded before, {result.LeftOut} left out for want of rubric items.";
    }
}
