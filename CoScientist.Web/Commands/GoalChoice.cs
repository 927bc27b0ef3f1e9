using System.CommandLine;
using CoScientist.Core.Goals;

namespace CoScientist.Web.Commands;

/// <summary>What the verbs that work through goals share: choosing them, telling how far they are, and saying what failed.</summary>
internal static class GoalChoice
{
    private const string All = "all";

    /// <summary>The part of the data.</summary>
    public static Option<string> Goals(string @default)
    {
        var option = new Option<string>("--goals") { Description = "Part of the data: test, validation, train or all", DefaultValueFactory = _ => @default };
        option.AcceptOnlyFromAmong([.. Enum.GetNames<GoalSplit>().Select(name => name.ToLowerInvariant()), All]);
        return option;
    }

    /// <summary>The field of research.</summary>
    public static Option<string?> Domain() => new("--domain") { Description = "Field of research, such as ml or medicine (default: all)" };

    /// <summary>What <see cref="Goals"/> stands for; null means all.</summary>
    public static GoalSplit? Split(string goals) => goals == All ? null : Enum.Parse<GoalSplit>(goals, ignoreCase: true);

    /// <summary>One line on standard error after each batch.</summary>
    public static Action<int, int> Progress(string things) => (done, all) => Console.Error.WriteLine($"{done} of {all} {things}");

    /// <summary>Prints what failed where the verb's other faults go; the exit code that follows from it.</summary>
    public static int Report(ParseResult parsed, IReadOnlyList<string> failures)
    {
        foreach (var failure in failures)
        {
            parsed.InvocationConfiguration.Error.WriteLine(failure);
        }

        return failures.Count == 0 ? 0 : 1;
    }
}
