using System.Collections.Frozen;

namespace CoScientist.Core.Papers.Readers;

/// <summary>What the commands and environments of TeX that occur in papers mean for plain text.</summary>
internal static class TexSymbols
{
    private static readonly FrozenDictionary<string, string> Symbols = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["%"] = "%", ["&"] = "&", ["#"] = "#", ["_"] = "_", ["$"] = "$", ["{"] = "{", ["}"] = "}", [" "] = " ", [","] = " ", [";"] = " ", [":"] = " ", ["!"] = "", ["/"] = "", ["@"] = "", ["-"] = "", ["\n"] = " ",
        ["ldots"] = "…", ["dots"] = "…", ["textellipsis"] = "…", ["quad"] = " ", ["qquad"] = " ", ["xspace"] = "", ["LaTeX"] = "LaTeX", ["TeX"] = "TeX",
        ["S"] = "§", ["P"] = "¶", ["ss"] = "ß", ["ae"] = "æ", ["AE"] = "Æ", ["oe"] = "œ", ["OE"] = "Œ", ["o"] = "ø", ["O"] = "Ø", ["aa"] = "å", ["AA"] = "Å", ["l"] = "ł", ["L"] = "Ł", ["i"] = "ı",
        ["textasciitilde"] = "~", ["textbackslash"] = "\\", ["textbar"] = "|", ["textless"] = "<", ["textgreater"] = ">", ["textunderscore"] = "_", ["textquotesingle"] = "'", ["textendash"] = "–", ["textemdash"] = "—",
        ["textdegree"] = "°", ["degree"] = "°", ["textmu"] = "µ", ["texttimes"] = "×", ["textpm"] = "±", ["copyright"] = "©", ["texttrademark"] = "™", ["textregistered"] = "®", ["euro"] = "€", ["pounds"] = "£",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    // Composition tables are not part of the invariant culture that the process runs with.
    private static readonly FrozenDictionary<string, (string Plain, string Accented)> Accents = new Dictionary<string, (string, string)>(StringComparer.Ordinal)
    {
        ["'"] = ("aeiouyAEIOUYcnszCNSZlrLR", "áéíóúýÁÉÍÓÚÝćńśźĆŃŚŹĺŕĹŔ"),
        ["`"] = ("aeiouAEIOU", "àèìòùÀÈÌÒÙ"),
        ["^"] = ("aeiouAEIOUcghjswyCGHJSWY", "âêîôûÂÊÎÔÛĉĝĥĵŝŵŷĈĜĤĴŜŴŶ"),
        ["\""] = ("aeiouyAEIOUY", "äëïöüÿÄËÏÖÜŸ"),
        ["~"] = ("anoiuANOIU", "ãñõĩũÃÑÕĨŨ"),
        ["="] = ("aeiouAEIOU", "āēīōūĀĒĪŌŪ"),
        ["."] = ("zcegZCEGI", "żċėġŻĊĖĠİ"),
        ["c"] = ("csteCST", "çşţȩÇŞŢ"),
        ["v"] = ("cdenrstzCDENRSTZag", "čďěňřšťžČĎĚŇŘŠŤŽǎǧ"),
        ["u"] = ("aegiouAEGIOU", "ăĕğĭŏŭĂĔĞĬŎŬ"),
        ["H"] = ("ouOU", "őűŐŰ"),
        ["k"] = ("aeAE", "ąęĄĘ"),
        ["r"] = ("auAU", "åůÅŮ"),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private static readonly FrozenDictionary<string, int> Dropped = new Dictionary<string, int>(StringComparer.Ordinal)
    {
        ["label"] = 1, ["vspace"] = 1, ["hspace"] = 1, ["includegraphics"] = 1, ["bibliographystyle"] = 1, ["footnote"] = 1, ["footnotetext"] = 1, ["footnotemark"] = 0, ["thanks"] = 1, ["color"] = 1, ["textcolor"] = 1,
        ["pagestyle"] = 1, ["thispagestyle"] = 1, ["setlength"] = 2, ["addtolength"] = 2, ["setcounter"] = 2, ["addtocounter"] = 2, ["caption"] = 1, ["captionof"] = 2, ["index"] = 1, ["hyphenation"] = 1, ["resizebox"] = 2, ["scalebox"] = 1,
        ["raisebox"] = 1, ["parbox"] = 1, ["multicolumn"] = 2, ["multirow"] = 2, ["affiliation"] = 1, ["institute"] = 1, ["address"] = 1, ["email"] = 1, ["keywords"] = 1, ["ccsdesc"] = 1, ["usepackage"] = 1, ["documentclass"] = 1, ["hypersetup"] = 1,
        ["definecolor"] = 3, ["colorbox"] = 1, ["fbox"] = 0, ["href"] = 1, ["todo"] = 1, ["hline"] = 0, ["cline"] = 1, ["rule"] = 2, ["addcontentsline"] = 3, ["markboth"] = 2, ["markright"] = 1, ["phantom"] = 1, ["vphantom"] = 1, ["hphantom"] = 1,
        ["newtheorem"] = 2, ["theoremstyle"] = 1, ["graphicspath"] = 1, ["input"] = 1, ["include"] = 1, ["orcid"] = 1, ["orcidID"] = 1, ["inst"] = 1, ["titlerunning"] = 1, ["authorrunning"] = 1, ["shorttitle"] = 1, ["shortauthors"] = 1, ["fontsize"] = 2,
        ["icmlaffiliation"] = 2, ["icmlcorrespondingauthor"] = 2, ["icmltitlerunning"] = 1, ["icmlkeywords"] = 1, ["icmlsetsymbol"] = 2, ["printAffiliationsAndNotice"] = 1, ["linewidth"] = 0, ["renewcommand"] = 2, ["newcommand"] = 2, ["providecommand"] = 2,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private static readonly FrozenSet<string> Formulas = FrozenSet.Create(StringComparer.Ordinal,
        "equation", "align", "gather", "multline", "displaymath", "math", "alignat", "xalignat", "flalign", "dmath", "IEEEeqnarray", "subequations", "eqnarray", "empheq");

    private static readonly FrozenSet<string> LeftOut = FrozenSet.Create(StringComparer.Ordinal,
        "figure", "table", "tabular", "tabularx", "longtable", "tikzpicture", "algorithm", "algorithm2e", "algorithmic", "lstlisting", "verbatim", "minted", "thebibliography", "comment", "wrapfigure", "wraptable", "subfigure",
        "sidewaystable", "sidewaysfigure", "CCSXML", "keywords", "keyword", "IEEEkeywords", "teaserfigure", "picture", "filecontents", "acknowledgments", "acknowledgements", "acks", "ack", "icmlauthorlist", "highlights", "graphicalabstract", "SCfigure", "floatrow", "affiliations");

    /// <summary>Whether an environment holds a formula, which stays TeX.</summary>
    public static bool IsFormula(string environment) => Formulas.Contains(environment);

    /// <summary>Whether the columns of a formula's environment are given as its first argument.</summary>
    public static bool HasColumns(string environment) => environment is "alignat" or "xalignat" or "IEEEeqnarray" or "empheq";

    /// <summary>Whether an environment is no running text: floats, listings, bibliographies.</summary>
    public static bool IsLeftOut(string environment) => LeftOut.Contains(environment);

    /// <summary>Text of a symbol command; null when the command is none.</summary>
    public static string? Symbol(string name) => Symbols.GetValueOrDefault(name);

    /// <summary>How many arguments go with a command that prints nothing of its own; null when the command is none of those.</summary>
    public static int? DroppedArguments(string name) => Dropped.TryGetValue(name, out var count) ? count : null;

    /// <summary>The letter that an accent command makes; null when the command is no accent.</summary>
    public static string? Accented(string name, ref TexScanner scan)
    {
        if (!Accents.TryGetValue(name, out var accent) || (char.IsAsciiLetter(name[0]) && scan.Peek is not ('{' or ' ')))
        {
            return null;
        }

        var argument = scan.Argument();
        var letter = argument is @"\i" ? "i" : argument is @"\j" ? "j" : argument;
        var at = letter.Length == 1 ? accent.Plain.IndexOf(letter[0], StringComparison.Ordinal) : -1;
        return at >= 0 ? accent.Accented[at].ToString() : letter;
    }

    /// <summary>Dashes and quotation marks.</summary>
    public static string Ligature(ref TexScanner scan)
    {
        var letter = scan.Next();
        var count = 1;
        while (scan.Peek == letter && count < 3)
        {
            scan.Next();
            count++;
        }

        return (letter, count) switch
        {
            ('-', 1) => "-",
            ('-', 2) => "–",
            ('-', _) => "—",
            ('`', 1) => "‘",
            ('`', _) => "“",
            (_, 1) => "'",
            _ => "”",
        };
    }
}
