using System.Collections.Frozen;
using System.Text.RegularExpressions;

namespace CoScientist.Core.Studies;

/// <summary>Takes out of a plan what would tell an expert who wrote it.</summary>
public static partial class Blinding
{
    /// <summary>What stands in place of something taken out.</summary>
    public const string Removed = "[removed]";

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(1);

    // Names of arms that any plan may use as words.
    private static readonly FrozenSet<string> Words =
        new[] { "reference", "human", "expert", "baseline", "base", "model", "policy", "paper", "author", "authors" }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    /// <summary>
    /// Hides names of the arms (as whole words, whatever the case), phrases in which a writer introduces itself ("As an AI model,",
    /// "I am Qwen", "trained by OpenAI"), and thinking and tags that leaked into the plan. Models that a plan proposes to use stay:
    /// they are its content.
    /// </summary>
    /// <param name="text">A plan.</param>
    /// <param name="names">Names that must not be seen, such as those of both arms. Everyday words among them ("reference") are left.</param>
    public static string Scrub(string text, IEnumerable<string> names)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(names);
        text = Tags().Replace(Thinking().Replace(text, ""), "");
        text = SelfIntroduction().Replace(text, Removed);
        // Longest first: "sandbox-grpo-1@40" before "sandbox-grpo-1".
        foreach (var name in names.Select(n => n.Trim()).Where(n => n.Length > 1 && !Words.Contains(n)).Distinct(StringComparer.OrdinalIgnoreCase).OrderByDescending(n => n.Length))
        {
            text = Regex.Replace(text, $@"(?<![\p{{L}}\p{{N}}]){Regex.Escape(name)}(?![\p{{L}}\p{{N}}])", Removed, RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, Timeout);
        }

        return text.Trim();
    }

    [GeneratedRegex(@"<think>.*?(</think>|\z)", RegexOptions.Singleline | RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Thinking();

    [GeneratedRegex(@"</?(think|solution|plan)>|<\|[a-z_]+\|>", RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Tags();

    [GeneratedRegex(
        """
        \bas\ an\ (ai|artificial\ intelligence)(\ (language\ )?(model|assistant|system))?\b,?
        | \b(i\ am|i'm|i’m)\ an?\ ((ai|artificial\ intelligence)\b|(large\ )?language\ model\b)[^.!?\n]*
        | \b(i\ am|i'm|i’m|my\ name\ is)\ (chatgpt|gpt|claude|gemini|grok|llama|qwen|deepseek|mistral|kimi)[\w\-]*(\.\d+)?(\ \d+(\.\d+)?)?
        | \b(developed|created|made|trained|built)\ by\ (openai|anthropic|google(\ deepmind)?|meta(\ ai)?|xai|alibaba(\ cloud)?|deepseek|mistral(\ ai)?|moonshot(\ ai)?)\b
        """,
        RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant | RegexOptions.IgnorePatternWhitespace,
        1000)]
    private static partial Regex SelfIntroduction();
}
