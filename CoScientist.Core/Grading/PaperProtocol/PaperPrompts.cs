using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using CoScientist.Core.TextModels;

namespace CoScientist.Core.Grading.PaperProtocol;

/// <summary>A plan to be graded by the text protocol.</summary>
/// <param name="Goal">The goal's text.</param>
/// <param name="Items">Rubric items that count, at least one.</param>
/// <param name="Reference">One possible approach; null when there is none.</param>
/// <param name="Plan">The plan.</param>
public sealed record PaperGradingTask(string Goal, IReadOnlyList<string> Items, string? Reference, string Plan);

/// <summary>Two plans to be compared by the text protocol. The judge sees no reference, and without items no rubric either, as the experts of the paper's study did not.</summary>
/// <param name="Goal">The goal's text.</param>
/// <param name="First">The plan shown first.</param>
/// <param name="Second">The plan shown second.</param>
/// <param name="Items">Rubric items that count; null leaves the rubric out.</param>
public sealed record PaperComparisonTask(string Goal, string First, string Second, IReadOnlyList<string>? Items = null)
{
    /// <summary>The same plans in the other order.</summary>
    public PaperComparisonTask Exchanged => this with { First = Second, Second = First };
}

/// <summary>
/// The prompts of the text protocol: the policy sees the goal alone, the grader also rubric and reference (arXiv 2512.23707,
/// section on self-grading). They are text files; their content hash is the version recorded with what they produce.
/// </summary>
public static partial class PaperPrompts
{
    /// <summary>Name of the protocol in gradings.</summary>
    public const string Protocol = "paper";

    /// <summary>Most words of a plan.</summary>
    public const int MaxPlanWords = 750;

    private static readonly Template Policy = Template.Read("policy-prompt.txt");
    private static readonly Template Teacher = Template.Read("teacher-prompt.txt");
    private static readonly Template Grader = Template.Read("grader-prompt.txt");
    private static readonly Template Comparer = Template.Read("pairwise-prompt.txt");
    private static readonly Template RubricComparer = Template.Read("pairwise-rubric-prompt.txt");
    private static readonly Template ItemGrader = Template.Read("item-prompt.txt");

    /// <summary>Version of the prompt that plans are written with.</summary>
    public static string PolicyVersion => Policy.Version;

    /// <summary>Version of the prompt that plans are graded with.</summary>
    public static string GraderVersion => Grader.Version;

    /// <summary>The text file that plans are graded with, for programs that fill it in themselves.</summary>
    public static string GraderTemplate => Template.Text("grader-prompt.txt");

    /// <summary>Version of the prompt that plans are compared with.</summary>
    public static string ComparerVersion => Comparer.Version;

    /// <summary>Version of the prompt that plans are compared with beside the rubric.</summary>
    public static string RubricComparerVersion => RubricComparer.Version;

    /// <summary>Version of the prompt for one item.</summary>
    public static string ItemGraderVersion => ItemGrader.Version;

    /// <summary>What the policy is asked: the goal, without rubric or reference.</summary>
    public static TextPrompt WritePlan(string goal) => Policy.Fill(new()
    {
        ["words"] = MaxPlanWords.ToString(CultureInfo.InvariantCulture),
        ["goal"] = Quote(goal),
    });

    /// <summary>What a teacher is asked: the same, with the rubric besides. Never the policy whose plans are graded.</summary>
    public static TextPrompt WritePlanWithRubric(string goal, IReadOnlyList<string> items) => Teacher.Fill(new()
    {
        ["instructions"] = WritePlan(goal).System,
        ["goal"] = Quote(goal),
        ["rubric"] = Numbered(items),
    });

    /// <summary>What a grader is asked whose verdict on one item is read from the likelihood of its digit: 0 met, 1 to 7 the violated guideline, 8 not addressed. The item comes last, so that all items of a plan share what stands before.</summary>
    /// <param name="task">The plan.</param>
    /// <param name="item">Index of the item.</param>
    public static TextPrompt GradeItem(PaperGradingTask task, int item)
    {
        ArgumentNullException.ThrowIfNull(task);
        return ItemGrader.Fill(new()
        {
            ["goal"] = Quote(task.Goal),
            ["reference"] = Reference(task),
            ["plan"] = Quote(task.Plan),
            ["item"] = Quote(task.Items[item]).ReplaceLineEndings(" "),
        });
    }

    /// <summary>What the grader is asked.</summary>
    /// <exception cref="ArgumentException">The rubric is empty.</exception>
    public static TextPrompt Grade(PaperGradingTask task)
    {
        ArgumentNullException.ThrowIfNull(task);
        if (task.Items.Count == 0)
        {
            throw new ArgumentException("A plan is graded by at least one rubric item.", nameof(task));
        }

        return Grader.Fill(new()
        {
            ["goal"] = Quote(task.Goal),
            ["rubric"] = Numbered(task.Items),
            ["reference"] = Reference(task),
            ["plan"] = Quote(task.Plan),
            ["count"] = task.Items.Count.ToString(CultureInfo.InvariantCulture),
        });
    }

    /// <summary>What a judge of two plans is asked.</summary>
    public static TextPrompt Compare(PaperComparisonTask task)
    {
        ArgumentNullException.ThrowIfNull(task);
        return (task.Items is null ? Comparer : RubricComparer).Fill(new()
        {
            ["goal"] = Quote(task.Goal),
            ["rubric"] = Numbered(task.Items ?? []),
            ["first"] = Quote(task.First),
            ["second"] = Quote(task.Second),
        });
    }

    private static string Numbered(IReadOnlyList<string> items) =>
        string.Join('\n', items.Select((item, index) => string.Create(CultureInfo.InvariantCulture, $"{index + 1}. {Quote(item).ReplaceLineEndings(" ")}")));

    private static string Reference(PaperGradingTask task) => string.IsNullOrWhiteSpace(task.Reference) ? "None is known." : "One possible approach:\n" + Quote(task.Reference);

    /// <summary>Untrusted text cannot open or close a tag of the protocol: its brackets are replaced by look-alikes that no reader takes for a tag.</summary>
    private static string Quote(string text) => ProtocolTag().Replace(text.Trim(), "‹");

    [GeneratedRegex(@"<(?=\s*/?\s*(goal|rubric|reference|plan(_[12])?|item|criteria|reasoning|errors|think|solution|comparison|preference)\b)", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex ProtocolTag();

    [GeneratedRegex(@"\{(\w+)\}", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Placeholder();

    private sealed record Template(string System, string User, string Version)
    {
        private const string Separator = "\n=====\n";

        public static string Text(string file)
        {
            using var stream = typeof(PaperPrompts).Assembly.GetManifestResourceStream(typeof(PaperPrompts), file)
                ?? throw new InvalidOperationException($"The prompt {file} is not part of the build.");
            using var reader = new StreamReader(stream, Encoding.UTF8);
            return reader.ReadToEnd().ReplaceLineEndings("\n");
        }

        public static Template Read(string file)
        {
            var text = Text(file);
            var parts = text.Split(Separator);
            return new Template(parts[0].Trim(), parts[1].Trim(), Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..16]);
        }

        // In one pass: what is filled in is not searched for placeholders again.
        public TextPrompt Fill(Dictionary<string, string> values) => new(
            Placeholder().Replace(System, match => values[match.Groups[1].Value]),
            Placeholder().Replace(User, match => values[match.Groups[1].Value]))
        {
            Version = Version,
        };
    }
}
