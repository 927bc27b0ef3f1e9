using System.Text.RegularExpressions;

namespace CoScientist.Core.Papers;

/// <summary>Identifiers in one spelling each, so that the same article is recognised whatever source it came from.</summary>
internal static partial class PaperIdentifiers
{
    /// <summary>A DOI in lower case without resolver; null when the text is none.</summary>
    public static string? Doi(string? text) => DoiPattern().Match(text ?? "") is { Success: true } match ? match.Value.TrimEnd('.').ToLowerInvariant() : null;

    /// <summary>Digits of a PubMed identifier; null when the text is none.</summary>
    public static string? Pmid(string? text) => PmidPattern().Match(text ?? "") is { Success: true } match ? match.Groups[1].Value : null;

    /// <summary>An arXiv identifier of either style without its version; null when the text is none.</summary>
    public static string? Arxiv(string? text) => ArxivPattern().Match(text ?? "") is { Success: true } match ? match.Groups["id"].Value.ToLowerInvariant() : null;

    /// <summary>The arXiv identifier within the DOI that arXiv itself gives.</summary>
    public static string? ArxivOfDoi(string? doi) => ArxivDoi().Match(doi ?? "") is { Success: true } match ? match.Groups["id"].Value : null;

    /// <summary>The version at the end of a file's name, as in "2004.01234v2.gz" and "elife-00049-v2.xml"; null when there is none.</summary>
    public static int? VersionOfFile(string fileName) => FileVersion().Match(fileName) is { Success: true } match ? int.Parse(match.Groups["version"].Value) : null;

    [GeneratedRegex(@"10\.[0-9]{4,9}/\S+", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex DoiPattern();

    [GeneratedRegex(@"^\s*(?:pmid:?\s*)?([0-9]{1,9})\s*$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex PmidPattern();

    [GeneratedRegex(@"(?<![0-9.])(?<id>[0-9]{4}\.[0-9]{4,5}|(?<![a-z-])[a-z-]{1,20}(?:\.[a-z]{2})?/[0-9]{7})(?:v[0-9]+)?(?![0-9])", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex ArxivPattern();

    [GeneratedRegex(@"10\.48550/arxiv\.(?<id>[0-9]{4}\.[0-9]{4,5})", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex ArxivDoi();

    [GeneratedRegex(@"(?<=[0-9])[-_.]?v(?<version>[0-9]{1,2})(?=\.[A-Za-z]|$)", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex FileVersion();
}
