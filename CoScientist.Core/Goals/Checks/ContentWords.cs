using System.Collections.Frozen;

namespace CoScientist.Core.Goals.Checks;

/// <summary>
/// The words of a text that carry its content, cut to stems so that forms of one word meet: function words and the frame of
/// rubric items ("the plan should") left out; endings of number, tense and manner taken off; at most six letters kept
/// ("comparisons", "compared" and "compare" are all "compar"). Irregular forms ("held", "hold") stay apart.
/// </summary>
public static class ContentWords
{
    private const int StemLetters = 6;
    private const int LeastLetters = 3;

    private static readonly FrozenSet<string> Stop = (
        "a about above across after again against all along also although among an and any are as at be because been before being below between both but by can cannot could did do does doing down during each either etc few for from further had has have having he her here hers him his how however i if in into is it its itself just less may might more most much must my need needs neither nor not now of off on once one only onto or other others our ours out over own per plan plans proposal proposed proposes rather same shall she should since so some such than that the their theirs them then there these they this those through thus to too toward towards two under until up upon us use used uses using very via was we well were what when where whether which while who whom whose why will with within without would you your").Split(' ').ToFrozenSet(StringComparer.Ordinal);

    private static readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> StopSpans = Stop.GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>Distinct stems of a text.</summary>
    public static HashSet<string> Of(string text) => new(Sequence(text), StringComparer.Ordinal);

    /// <summary>Stems of a text in their order, repetitions included.</summary>
    public static IReadOnlyList<string> Sequence(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var stems = new List<string>();
        Span<char> word = stackalloc char[32];
        var length = 0;
        for (var i = 0; i <= text.Length; i++)
        {
            if (i < text.Length && char.IsLetter(text[i]))
            {
                // Letters past the buffer do not matter: stems are short.
                word[Math.Min(length, word.Length - 1)] = char.ToLowerInvariant(text[i]);
                length = Math.Min(length + 1, word.Length);
                continue;
            }

            if (length >= LeastLetters && !StopSpans.Contains(word[..length]))
            {
                stems.Add(Stem(word[..length]).ToString());
            }

            length = 0;
        }

        return stems;
    }

    /// <summary>|A ∩ B|.</summary>
    public static int Common(HashSet<string> a, HashSet<string> b)
    {
        var common = 0;
        foreach (var word in a)
        {
            common += b.Contains(word) ? 1 : 0;
        }

        return common;
    }

    /// <summary>|A ∩ B| / |A ∪ B| (Jaccard 1901); 0 when both are empty.</summary>
    public static double Jaccard(HashSet<string> a, HashSet<string> b)
    {
        var common = Common(a, b);
        var all = a.Count + b.Count - common;
        return all == 0 ? 0 : (double)common / all;
    }

    private static ReadOnlySpan<char> Stem(Span<char> word)
    {
        ReadOnlySpan<char> stem = word;
        if (Cut(ref stem, "ly", 4) && stem.EndsWith("i", StringComparison.Ordinal))
        {
            stem = stem[..^1];
        }

        if (Cut(ref stem, "ing", 3) || Cut(ref stem, "ed", 3))
        {
            // "stopping", "planned": the consonant was doubled for the ending.
            stem = stem.Length > 3 && stem[^1] == stem[^2] && stem[^1] is not ('s' or 'z' or 'e') ? stem[..^1] : stem;
        }
        else if (!stem.EndsWith("ss", StringComparison.Ordinal) && !stem.EndsWith("us", StringComparison.Ordinal) && !stem.EndsWith("is", StringComparison.Ordinal))
        {
            Cut(ref stem, "s", 3);
        }

        // "studies" and "study", "measure" and "measuring".
        if (stem.EndsWith("ie", StringComparison.Ordinal))
        {
            stem = stem[..^2];
        }
        else if (stem.Length > 3 && stem[^1] is 'e' or 'y' or 'i')
        {
            stem = stem[..^1];
        }

        return stem[..Math.Min(stem.Length, StemLetters)];
    }

    private static bool Cut(ref ReadOnlySpan<char> word, string ending, int leastLeft)
    {
        if (word.Length < ending.Length + leastLeft || !word.EndsWith(ending, StringComparison.Ordinal))
        {
            return false;
        }

        word = word[..^ending.Length];
        return true;
    }
}
