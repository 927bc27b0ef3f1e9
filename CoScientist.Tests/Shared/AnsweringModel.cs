using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using CoScientist.Core.TextModels;

namespace CoScientist.Tests.Shared;

/// <summary>A text model that may be asked from several threads at once.</summary>
internal sealed class AnsweringModel(Func<TextPrompt, string> answer) : ITextModel
{
    public string Name => "answering";

    public ConcurrentQueue<TextPrompt> Prompts { get; } = [];

    /// <summary>A grading as the prompt asks for it, whose verdicts depend on nothing but the plan's text.</summary>
    public static string Grading(TextPrompt prompt)
    {
        var plan = Regex.Match(prompt.User, "<plan>(.*)</plan>", RegexOptions.Singleline, TimeSpan.FromSeconds(5)).Groups[1].Value;
        var count = Regex.Count(prompt.User, @"^\d+\. ", RegexOptions.Multiline, TimeSpan.FromSeconds(5));
        var text = new StringBuilder("It is short.\n");
        for (var item = 1; item <= count; item++)
        {
            var errors = (plan.Sum(letter => letter) + item) % 3 == 0 ? "none" : "2,4";
            text.Append(CultureInfo.InvariantCulture, $"<item num={item}><criteria>c</criteria><reasoning>r</reasoning><errors>{errors}</errors></item>\n");
        }

        return text.ToString();
    }

    public Task<IReadOnlyList<TextCompletion>> CompleteAsync(IReadOnlyList<TextPrompt> prompts, TextSamplingOptions options, CancellationToken cancellationToken)
    {
        foreach (var prompt in prompts)
        {
            Prompts.Enqueue(prompt);
        }

        return Task.FromResult<IReadOnlyList<TextCompletion>>([.. prompts.Select(prompt => new TextCompletion(answer(prompt), FinishReason.Stop, 10, 20))]);
    }
}
