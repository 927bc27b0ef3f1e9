using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using CoScientist.Core.Papers;
using CoScientist.Core.Papers.Readers;
using CoScientist.Training.Sandbox.Leakage;

namespace CoScientist.Training.Sandbox.Extractor;

/// <summary>A paper of the sandbox as a file that any reader of Markdown takes. Its name says which goal of the world it tells, so that what was extracted from it can be held against the truth.</summary>
public static class SandboxManuscript
{
    private const string Extension = ".md";

    /// <summary>Name of the file: the goal's key (<see cref="SandboxGoal.ToKey"/>) with underscores for slashes.</summary>
    public static string FileName(SandboxGoal goal)
    {
        ArgumentNullException.ThrowIfNull(goal);
        return goal.ToKey().Replace('/', '_') + Extension;
    }

    /// <summary>Reads <see cref="FileName"/>'s form; false, with null, for anything else.</summary>
    public static bool TryParseFileName(string? name, [NotNullWhen(true)] out SandboxGoal? goal)
    {
        goal = null;
        return name?.EndsWith(Extension, StringComparison.Ordinal) == true && SandboxGoal.TryParseKey(name[..^Extension.Length].Replace('_', '/'), out goal);
    }

    /// <summary>The file's text.</summary>
    public static string Text(SandboxGoal goal)
    {
        var paper = SandboxLeakage.Print(goal, SandboxPreviews.None);
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"---\ntitle: {paper.Title}\nauthor: {paper.Authors[0]}\nvenue: {paper.Venue}\nlicence: {paper.Licence}\nabstract: {paper.Abstract}\n---\n");
        foreach (var section in paper.Sections.OrderBy(section => section.Order))
        {
            text.Append(CultureInfo.InvariantCulture, $"\n## {section.Heading}\n\n{section.Text}\n");
        }

        return text.ToString();
    }

    /// <summary>The paper as an import has it.</summary>
    internal static Paper Read(SandboxGoal goal) =>
        new MarkdownReader(TimeProvider.System).Read(FileName(goal), Encoding.UTF8.GetBytes(Text(goal)), CancellationToken.None);
}
