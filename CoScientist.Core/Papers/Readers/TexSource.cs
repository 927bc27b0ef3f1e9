using System.Text;
using System.Text.RegularExpressions;

namespace CoScientist.Core.Papers.Readers;

/// <summary>One TeX text out of the files of an archive: the root found, comments dropped, included files put in.</summary>
internal sealed partial class TexSource(string fileName, Dictionary<string, string> files)
{
    private const int MaxDepth = 20;
    private const int MaxCharacters = 20_000_000;

    private static readonly string[] UsualRoots = ["main", "ms", "paper", "article", "manuscript", "root", "arxiv"];

    private int characters;

    /// <summary>The whole document, preamble included.</summary>
    /// <exception cref="PaperFormatException">No root document, or inclusions without end.</exception>
    public string Assemble()
    {
        var clean = files.Where(file => PaperReaders.HasExtension(file.Key, ".tex", ".ltx"))
            .ToDictionary(file => file.Key, file => WithoutComments(file.Value), StringComparer.Ordinal);
        var roots = clean.Where(file => IsRoot(file.Value)).Select(file => file.Key).Order(StringComparer.Ordinal).ToArray();
        if (roots.Length == 0)
        {
            throw new PaperFormatException(fileName, "it holds no TeX file with \\documentclass and \\begin{document}: this is not a paper's source. Bring the archive that arXiv offers as 'TeX source'.");
        }

        var named = NamedRoot();
        var texts = roots.Select(root => (Root: root, Text: Expand(root, clean, 0))).ToArray();
        return texts.OrderByDescending(item => string.Equals(item.Root, named, StringComparison.Ordinal))
            .ThenByDescending(item => Score(item.Root, item.Text))
            .ThenByDescending(item => item.Text.Length)
            .First().Text;
    }

    /// <summary>Labels of the bibliography by key, such as "Lee et al. (2019)", where it gives them.</summary>
    public Dictionary<string, string> CitationLabels()
    {
        var labels = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (_, text) in files.Where(file => PaperReaders.HasExtension(file.Key, ".bbl", ".tex")))
        {
            foreach (Match item in BibliographyItem().Matches(text))
            {
                labels[item.Groups["key"].Value.Trim()] = $"{item.Groups["who"].Value.Replace('~', ' ').Trim()} ({item.Groups["year"].Value})";
            }
        }

        return labels;
    }

    private static bool IsRoot(string text) =>
        (text.Contains(@"\documentclass", StringComparison.Ordinal) || text.Contains(@"\documentstyle", StringComparison.Ordinal)) && text.Contains(@"\begin{document}", StringComparison.Ordinal);

    // Supplements, letters and posters are roots too; the paper has a title and an abstract.
    private static int Score(string root, string text)
    {
        var name = Path.GetFileNameWithoutExtension(root);
        var score = text.Contains(@"\title", StringComparison.Ordinal) ? 2 : 0;
        score += text.Contains("abstract", StringComparison.OrdinalIgnoreCase) ? 2 : 0;
        score += UsualRoots.Contains(name, StringComparer.OrdinalIgnoreCase) ? 1 : 0;
        score -= SideDocument().IsMatch(name) || text.Contains(@"{subfiles}", StringComparison.Ordinal) ? 3 : 0;
        return score;
    }

    // arXiv's own note about the root, where the authors left one.
    private string? NamedRoot()
    {
        var note = files.FirstOrDefault(file => Path.GetFileName(file.Key).StartsWith("00README", StringComparison.OrdinalIgnoreCase)).Value;
        return note is not null && ToplevelFile().Match(note) is { Success: true } match ? match.Groups["file"].Value : null;
    }

    private string Expand(string path, Dictionary<string, string> clean, int depth)
    {
        var text = clean[path];
        characters += text.Length;
        if (depth > MaxDepth || characters > MaxCharacters)
        {
            throw new PaperFormatException(fileName, $"'{path}' includes files in a circle or without end. Mend the \\input lines and import it again.");
        }

        return Inclusion().Replace(text, match =>
        {
            var folder = match.Groups["folder"].Success ? match.Groups["folder"].Value : "";
            var name = match.Groups["file"].Success ? match.Groups["file"].Value : match.Groups["bare"].Value;
            var found = Resolve(path, folder, name.Trim().Trim('"'), clean);
            return found is null ? "" : Body(Expand(found, clean, depth + 1)) + "\n";
        });
    }

    private static string? Resolve(string from, string folder, string name, Dictionary<string, string> clean)
    {
        string[] bases = [folder, Path.GetDirectoryName(from) ?? "", Path.Combine(Path.GetDirectoryName(from) ?? "", folder)];
        foreach (var start in bases)
        {
            foreach (var ending in (ReadOnlySpan<string>)["", ".tex", ".ltx"])
            {
                var path = Normalise(Path.Combine(start, name + ending));
                if (clean.ContainsKey(path))
                {
                    return path;
                }
            }
        }

        return null;
    }

    private static string Normalise(string path)
    {
        var parts = new List<string>();
        foreach (var part in path.Replace('\\', '/').Split('/'))
        {
            if (part == ".." && parts.Count > 0)
            {
                parts.RemoveAt(parts.Count - 1);
            }
            else if (part is not ("" or "." or ".."))
            {
                parts.Add(part);
            }
        }

        return string.Join('/', parts);
    }

    // A subfile is a document of its own; only what stands between begin and end belongs to the whole.
    private static string Body(string text)
    {
        var match = Regex.Match(text, @"\\begin\{document\}(.*?)(\\end\{document\}|$)", RegexOptions.Singleline | RegexOptions.CultureInvariant, TimeSpan.FromSeconds(5));
        return match.Success ? match.Groups[1].Value : text;
    }

    private static string WithoutComments(string text)
    {
        var result = new StringBuilder(text.Length);
        foreach (var line in text.ReplaceLineEndings("\n").Split('\n'))
        {
            var at = CommentStart(line);
            if (at >= 0)
            {
                // A comment swallows the line break after it.
                result.Append(line.AsSpan(0, at));
            }
            else
            {
                result.Append(line).Append(line.AsSpan().Trim().Length == 0 ? "\n\n" : "\n");
            }
        }

        var clean = result.ToString();
        var end = clean.IndexOf(@"\endinput", StringComparison.Ordinal);
        clean = end >= 0 ? clean[..end] : clean;
        return FalseBranch().Replace(CommentEnvironment().Replace(clean, ""), "");
    }

    private static int CommentStart(string line)
    {
        for (var i = 0; i < line.Length; i++)
        {
            if (line[i] == '\\')
            {
                i++;
            }
            else if (line[i] == '%')
            {
                return i;
            }
        }

        return -1;
    }

    [GeneratedRegex(@"\\(?:(?:sub)?import\*?\s*\{(?<folder>[^{}]*)\}\s*\{(?<file>[^{}]+)\}|(?:input|include|subfile|subfileinclude)\s*\{(?<file>[^{}]+)\}|input\s+(?<bare>[\w./-]+))", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex Inclusion();

    [GeneratedRegex(@"\\begin\{comment\}.*?\\end\{comment\}", RegexOptions.Singleline | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex CommentEnvironment();

    [GeneratedRegex(@"\\iffalse\b.*?\\fi\b", RegexOptions.Singleline | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex FalseBranch();

    [GeneratedRegex(@"(supp|appendix|rebuttal|response|cover|letter|poster|slides|diff)", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex SideDocument();

    [GeneratedRegex(@"(?m)^\s*(?<file>\S+\.tex)\s+toplevelfile|""filename""\s*:\s*""(?<file>[^""]+\.tex)""", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex ToplevelFile();

    [GeneratedRegex(@"\\bibitem\s*\[\{?(?<who>[^\[\]{}()]*(?:\{[^{}]*\}[^\[\]{}()]*)*)\((?<year>\d{4}[a-z]?)\)[^\]]*\]\s*(?:%\s*)?\{(?<key>[^{}]+)\}", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex BibliographyItem();
}
