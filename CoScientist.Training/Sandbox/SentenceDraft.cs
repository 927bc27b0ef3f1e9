using CoScientist.Core;

namespace CoScientist.Training.Sandbox;

/// <summary>A plan sentence in parts, so that single parts can be broken.</summary>
internal sealed class SentenceDraft
{
    private readonly int facet;
    private readonly bool hasWay;
    private readonly List<string> head;
    private readonly List<string> way = [];
    private readonly List<string> suffix = [];
    private readonly List<string> reason = [];

    /// <summary>Words the sentence; variants are drawn at random.</summary>
    public SentenceDraft(SandboxSentence sentence, SeededRandom random)
    {
        ArgumentNullException.ThrowIfNull(sentence);
        ArgumentNullException.ThrowIfNull(random);
        facet = sentence.Facet;
        var words = SandboxWords.Facets[facet];
        head = ["we", .. sentence.Never ? (string[])["never"] : [], .. random.Pick(words.Actions).Split(' ')];
        if (sentence.Never)
        {
            return;
        }

        hasWay = sentence.Way is not null;
        way = [.. sentence.Way is { } index ? $"by {words.Ways[index]}".Split(' ') : random.Pick(SandboxWords.Vague).Split(' ')];
        suffix = sentence.Suffix switch
        {
            SandboxSuffix.Costly => [.. random.Pick(SandboxWords.Costly).Split(' ')],
            SandboxSuffix.Unethical => [.. random.Pick(SandboxWords.Unethical).Split(' ')],
            _ => [],
        };
        reason = sentence.Reason switch
        {
            SandboxReason.Good => [.. random.Pick(words.Reasons).Split(' ')],
            SandboxReason.Poor => [.. random.Pick(SandboxWords.StockReasons).Split(' ')],
            _ => [],
        };
    }

    /// <summary>The sentence with its full stop.</summary>
    public string Text => string.Join(' ', (string[])[.. head, .. way, .. suffix, .. reason.Count > 0 ? (string[])["because", .. reason] : []]) + ".";

    /// <summary>Applies one kind of breakage; rarely the result is still a sentence of the world.</summary>
    public void Break(SeededRandom random)
    {
        var other = SandboxWords.Facets[(facet + 1 + random.Next(SandboxWords.Facets.Length - 1)) % SandboxWords.Facets.Length];
        var kind = random.NextDouble();
        if (kind < 0.30 && hasWay)
        {
            way[^1] = random.Pick(other.Ways).Split(' ')[^1];
        }
        else if (kind < 0.45 && hasWay)
        {
            way.RemoveRange(1, way.Count - 1);
            way.AddRange(random.Pick(other.Ways).Split(' '));
        }
        else if (kind < 0.60 && hasWay)
        {
            way[1] = random.Pick(SandboxWords.Facets[facet].Ways).Split(' ')[0];
        }
        else if (kind < 0.75 && reason.Count > 0)
        {
            reason.Clear();
            reason.AddRange(random.Pick(other.Reasons).Split(' '));
        }
        else if (kind < 0.85 && reason.Count > 0)
        {
            reason[^1] = random.Pick(other.Reasons).Split(' ')[^1];
        }
        else
        {
            DropOrDouble(random);
        }
    }

    private void DropOrDouble(SeededRandom random)
    {
        List<List<string>> parts = [.. ((List<string>[])[head, way, suffix, reason]).Where(part => part.Count > 1)];
        var part = random.Pick(parts);
        var at = 1 + random.Next(part.Count - 1);
        if (random.Next(2) == 0)
        {
            part.RemoveAt(at);
        }
        else
        {
            part.Insert(at, part[at]);
        }
    }
}
