using System.Text.RegularExpressions;

namespace CoScientist.Core.Papers;

/// <summary>A first guess at the field of a paper by its vocabulary; a person can always name the field instead.</summary>
public static partial class Domains
{
    private const int LeastHits = 3;

    /// <summary>The fields that can be guessed; "general" stands for none of them.</summary>
    public static IReadOnlyList<string> Guessable { get; } = ["ml", "medicine", "biology", "physics"];

    /// <summary>Guesses the field.</summary>
    /// <param name="text">Subjects, journal, title, keywords and abstract in one text.</param>
    /// <returns>The field whose words are most frequent, "general" when none has at least three.</returns>
    public static string Guess(string text)
    {
        Regex[] patterns = [MachineLearning(), Medicine(), Biology(), Physics()];
        var hits = patterns.Select(pattern => pattern.Count(text)).ToArray();
        var most = hits.Max();
        return most >= LeastHits ? Guessable[Array.IndexOf(hits, most)] : "general";
    }

    [GeneratedRegex(@"\b(machine learning|deep learning|neural net\w*|language models?|reinforcement learning|transformers?|pre-?train\w*|fine-?tun\w*|NLP|natural language|computational linguistics|embeddings?|classifiers?|data ?sets?|benchmarks?|supervised|corpus|corpora|annotat\w+|computer vision|attention|gradient descent|baselines?|information retrieval|training data|word representations?|LLMs?)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex MachineLearning();

    [GeneratedRegex(@"\b(medicine|medical|patients?|clinical\w*|disease|diseases|therap\w+|treatments?|trial|trials|surgery|surgical|diagnos\w+|symptoms?|hospital\w*|health\w*|cancer\w*|tumou?rs?|oncolog\w+|vaccin\w+|epidemi\w+|mortality|dementia|diabet\w+|drugs?|oncotarget|seroprevalence|nursing|cohort|pharmaco\w+)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Medicine();

    [GeneratedRegex(@"\b(biology|biological|biochem\w+|genes?|genetics?|genom\w+|proteins?|cells?|cellular|bacteri\w+|microb\w+|virus\w*|phages?|bacteriophages?|evolution\w*|species|enzym\w+|mutations?|phenotyp\w+|organisms?|ecolog\w+|DNA|RNA|molecular|fitness|lysis|metaboli\w+|plants?|transcription\w*)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Biology();

    [GeneratedRegex(@"\b(physics|quantum|particles?|astro\w+|galax\w+|stellar|stars?|cosmolog\w+|magnetic|superconduct\w+|photon\w*|laser\w*|plasma physics|lattice|thermodynamic\w*|gravit\w+|relativ\w+|electrons?|spin|neutrinos?|scattering|hamiltonian|spectroscop\w+|optics|optical)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Physics();
}
