using System.Globalization;
using System.Text;

namespace CoScientist.Training.Tokenization;

/// <summary>
/// Unicode normalisation form C (Unicode Standard Annex 15), with tables of its own: the process runs with the invariant
/// culture, under which <see cref="string.Normalize()"/> returns text unchanged.
/// </summary>
internal static class CanonicalComposition
{
    // Hangul syllables are composed by arithmetic (Unicode core specification, section 3.12).
    private const int SyllableBase = 0xAC00;
    private const int LeadBase = 0x1100;
    private const int VowelBase = 0x1161;
    private const int TailBase = 0x11A7;
    private const int LeadCount = 19;
    private const int VowelCount = 21;
    private const int TailCount = 28;
    private const int SyllableCount = LeadCount * VowelCount * TailCount;

    // Below the first combining mark nothing changes.
    private const char FirstMark = '\u0300';

    private static readonly Lazy<Tables> Mappings = new(Tables.Read);

    /// <summary>The text in form C, itself when it is in that form; where it changes, lone surrogates become U+FFFD.</summary>
    public static ReadOnlySpan<char> Compose(ReadOnlySpan<char> text)
    {
        var unsettled = NextUnsettled(text, 0);
        if (unsettled == text.Length)
        {
            return text;
        }

        var tables = Mappings.Value;
        var result = new StringBuilder(text.Length);
        var points = new List<int>();
        for (var done = 0; done < text.Length; unsettled = NextUnsettled(text, done))
        {
            // What comes before may join with the character before it, but reaches no further back: that one is a starter.
            var start = Math.Max(done, unsettled - 1);
            result.Append(text[done..start]);
            done = start;
            while (done < text.Length && (done <= unsettled || tables.IsUnsettled(text[done])))
            {
                done++;
            }

            Compose(text[start..done], points, tables);
            foreach (var point in points)
            {
                result.Append(new Rune(point));
            }

            points.Clear();
        }

        return result.ToString();
    }

    /// <summary>The first character from a place on that composition may change or join; the text's length when there is none.</summary>
    private static int NextUnsettled(ReadOnlySpan<char> text, int from)
    {
        while (true)
        {
            var offset = text[from..].IndexOfAnyExceptInRange('\0', (char)(FirstMark - 1));
            if (offset < 0)
            {
                return text.Length;
            }

            from += offset;
            for (var tables = Mappings.Value; from < text.Length && text[from] >= FirstMark; from++)
            {
                if (tables.IsUnsettled(text[from]))
                {
                    return from;
                }
            }
        }
    }

    private static void Compose(ReadOnlySpan<char> text, List<int> points, Tables tables)
    {
        foreach (var rune in text.EnumerateRunes())
        {
            Decompose(rune.Value, tables, points);
        }

        Order(points, tables);
        Compose(points, tables);
    }

    private static void Decompose(int point, Tables tables, List<int> points)
    {
        if (point is >= SyllableBase and < SyllableBase + SyllableCount)
        {
            var index = point - SyllableBase;
            points.Add(LeadBase + (index / (VowelCount * TailCount)));
            points.Add(VowelBase + (index % (VowelCount * TailCount) / TailCount));
            if (index % TailCount != 0)
            {
                points.Add(TailBase + (index % TailCount));
            }

            return;
        }

        if (!tables.Decompositions.TryGetValue(point, out var parts))
        {
            points.Add(point);
            return;
        }

        Decompose(parts.First, tables, points);
        if (parts.Second != 0)
        {
            Decompose(parts.Second, tables, points);
        }
    }

    /// <summary>Sorts each run of combining marks by class, keeping the order of equals.</summary>
    private static void Order(List<int> points, Tables tables)
    {
        for (var i = 1; i < points.Count; i++)
        {
            var point = points[i];
            var order = tables.Class(point);
            var place = i;
            if (order == 0)
            {
                continue;
            }

            while (place > 0 && tables.Class(points[place - 1]) > order)
            {
                points[place] = points[place - 1];
                place--;
            }

            points[place] = point;
        }
    }

    /// <summary>Joins each starter with the marks that follow it and are not blocked by one of the same or a higher class.</summary>
    private static void Compose(List<int> points, Tables tables)
    {
        var starter = -1;
        var kept = 0;
        var previousClass = -1;
        foreach (var point in points.ToArray())
        {
            var order = tables.Class(point);
            if (starter >= 0 && (previousClass < 0 || previousClass < order) && Join(points[starter], point, tables) is { } joined)
            {
                points[starter] = joined;
                continue;
            }

            if (order == 0)
            {
                starter = kept;
                previousClass = -1;
            }
            else
            {
                previousClass = order;
            }

            points[kept++] = point;
        }

        points.RemoveRange(kept, points.Count - kept);
    }

    private static int? Join(int first, int second, Tables tables)
    {
        if (first is >= LeadBase and < LeadBase + LeadCount && second is >= VowelBase and < VowelBase + VowelCount)
        {
            return SyllableBase + ((((first - LeadBase) * VowelCount) + (second - VowelBase)) * TailCount);
        }

        if (first is >= SyllableBase and < SyllableBase + SyllableCount && (first - SyllableBase) % TailCount == 0 && second is > TailBase and < TailBase + TailCount)
        {
            return first + (second - TailBase);
        }

        return tables.Compositions.TryGetValue((first, second), out var joined) ? joined : null;
    }

    private sealed record Tables(Dictionary<int, (int First, int Second)> Decompositions, Dictionary<(int First, int Second), int> Compositions, Dictionary<int, int> Classes)
    {
        // Surrogates count, so that pairs stay together.
        private readonly Lazy<bool[]> unsettled = new(() =>
        {
            var marks = new bool[0x10000];
            var changing = Decompositions.Where(entry => !Compositions.ContainsKey(entry.Value)).Select(entry => entry.Key);
            var joining = Compositions.Keys.Select(pair => pair.Second)
                .Concat(Enumerable.Range(VowelBase, VowelCount)).Concat(Enumerable.Range(TailBase + 1, TailCount - 1));
            foreach (var point in changing.Concat(joining).Concat(Classes.Keys).Concat(Enumerable.Range(0xD800, 0x800)).Where(point => point < marks.Length))
            {
                marks[point] = true;
            }

            return marks;
        });

        /// <summary>Whether a character may change, join with the one before it or move among marks.</summary>
        public bool IsUnsettled(char character) => unsettled.Value[character];

        public int Class(int point) => point < FirstMark ? 0 : Classes.GetValueOrDefault(point);

        public static Tables Read()
        {
            var tables = new Tables([], [], []);
            using var stream = typeof(CanonicalComposition).Assembly.GetManifestResourceStream(typeof(CanonicalComposition), "CanonicalMappings.txt")!;
            using var reader = new StreamReader(stream);
            while (reader.ReadLine() is { } line)
            {
                var parts = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                switch (parts)
                {
                    case ["#", ..]:
                        break;
                    case [var range, ":", var order]:
                        var (low, high) = (Hex(range[..range.IndexOf('-')]), Hex(range[(range.IndexOf('-') + 1)..]));
                        for (var point = low; point <= high; point++)
                        {
                            tables.Classes.Add(point, int.Parse(order));
                        }

                        break;
                    case [var point, var kind, var first, .. var rest]:
                        var pair = (Hex(first), rest is [var second] ? Hex(second) : 0);
                        tables.Decompositions.Add(Hex(point), pair);
                        if (kind == "=")
                        {
                            tables.Compositions.Add(pair, Hex(point));
                        }

                        break;
                }
            }

            return tables;
        }

        private static int Hex(string text) => int.Parse(text, NumberStyles.HexNumber);
    }
}
