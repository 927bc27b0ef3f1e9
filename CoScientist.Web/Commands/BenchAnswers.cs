using System.CommandLine;
using System.Globalization;
using CoScientist.Core.Studies;

namespace CoScientist.Web.Commands;

/// <summary><c>bench answers</c>: experts who answer a study at once, through what the page of a pair calls, without a browser.</summary>
internal static class BenchAnswers
{
    public static Command Create()
    {
        var experts = new Option<int>("--experts") { Description = "Experts who answer at once", DefaultValueFactory = _ => 20 };
        var seconds = new Option<double>("--seconds") { Description = "How long to measure", DefaultValueFactory = _ => 10 };
        var think = new Option<double>("--think") { Description = "Seconds that an expert thinks before an answer; 0 answers at once", DefaultValueFactory = _ => 0 };
        var goals = new Option<int>("--goals") { Description = $"Goals of the study, at most {StudyRules.MaxGoals}", DefaultValueFactory = _ => StudyRules.MaxGoals };
        var overlap = new Option<int>("--overlap") { Description = "Answers wanted for each goal", DefaultValueFactory = _ => 3 };
        var form = new Option<bool>("--form") { Description = "Fill in the whole form, field by field, before each answer" };
        var command = new Command("answers", "Experts who answer a study at once: answers a second, waiting, processor time, statements") { experts, seconds, think, goals, overlap, form };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var bench = new AnswerBenchmark
            {
                Experts = Math.Max(1, parsed.GetValue(experts)),
                Time = TimeSpan.FromSeconds(parsed.GetValue(seconds)),
                Think = TimeSpan.FromSeconds(parsed.GetValue(think)),
                Goals = Math.Clamp(parsed.GetValue(goals), 1, StudyRules.MaxGoals),
                Overlap = Math.Clamp(parsed.GetValue(overlap), 1, StudyRules.MaxOverlap),
                WholeForm = parsed.GetValue(form),
            };
            var result = await bench.RunAsync(cancellationToken);
            CommandContext.Answer(parsed, result, [
                string.Create(CultureInfo.InvariantCulture, $"{result.Experts} experts, {result.Goals} goals of {result.Overlap} answers each, {result.Seconds:F1} s, {result.Answers} answers{(result.Finished ? ", all there are" : "")}"),
                string.Create(CultureInfo.InvariantCulture, $"answers a second         {result.AnswersPerSecond:F1}"),
                string.Create(CultureInfo.InvariantCulture, $"answer to next pair      median {result.MedianMilliseconds:F1} ms, 95% {result.P95Milliseconds:F1} ms, longest {result.LongestMilliseconds:F1} ms"),
                string.Create(CultureInfo.InvariantCulture, $"for each answer          {result.ProcessorMilliseconds:F2} ms of processor time, {result.Statements:F1} statements, {result.Commits:F1} commits"),
                string.Create(CultureInfo.InvariantCulture, $"stored twice, too many for a goal, sides apart by more than one   {result.Doubled}, {result.OverFull}, {result.Unbalanced}")]);
            return result is { Doubled: 0, OverFull: 0, Unbalanced: 0 } ? 0 : 1;
        });
        return command;
    }
}
