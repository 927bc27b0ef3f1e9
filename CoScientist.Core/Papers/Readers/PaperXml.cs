using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;

namespace CoScientist.Core.Papers.Readers;

/// <summary>
/// XML of papers, loaded within bounds. No document type definition is ever processed: its line is skipped, a file that
/// declares entities of its own is refused. Names are compared without their namespaces.
/// </summary>
internal static partial class PaperXml
{
    // Far deeper than articles are; bounds the recursion over elements.
    private const int MaxDepth = 128;

    // The longest articles have a tenth of each; both bound the memory of the loaded tree.
    private const int MaxBytes = 16 * 1024 * 1024;
    private const int MaxNodes = 2_000_000;

    /// <summary>The root element.</summary>
    /// <exception cref="PaperFormatException">Not well-formed, too deep, too large, of an unknown encoding, or with entities.</exception>
    public static XElement Load(string fileName, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        if (content.Length > MaxBytes)
        {
            throw new PaperFormatException(fileName, $"it is larger than {MaxBytes / (1024 * 1024)} MB, which no article in XML is. The file is not read.");
        }

        var text = Decode(fileName, content);
        RefuseEntities(fileName, text);

        // The names of HTML belong to the definitions that are not loaded; whatever else is undeclared stays an error.
        text = NamedEntity().Replace(text, match => match.Groups[1].Value is "amp" or "lt" or "gt" or "quot" or "apos" ? match.Value : WebUtility.HtmlDecode(match.Value));
        try
        {
            Scan(fileName, text, cancellationToken);
            using var reader = Open(text);
            return XDocument.Load(reader, LoadOptions.PreserveWhitespace).Root!;
        }
        catch (XmlException fault)
        {
            throw new PaperFormatException(fileName, $"line {fault.LineNumber}, column {fault.LinePosition}: this is not well-formed XML ({fault.Message}) Fetch the file again; it may be cut off.", fault);
        }
    }

    /// <summary>The first child of a name; null when there is none.</summary>
    public static XElement? Child(this XElement parent, string name) => parent.Children(name).FirstOrDefault();

    /// <summary>The children of a name.</summary>
    public static IEnumerable<XElement> Children(this XElement parent, string name) => parent.Elements().Where(element => element.Name.LocalName == name);

    /// <summary>The first element of a name below another; null when there is none.</summary>
    public static XElement? Descendant(this XElement parent, string name) => parent.Descendants().FirstOrDefault(element => element.Name.LocalName == name);

    /// <summary>The elements of some names below another, in order; not those inside one of them, or inside one of other names.</summary>
    public static IEnumerable<XElement> DescendantsOf(this XElement parent, string[] names, params string[] notInside)
    {
        foreach (var element in parent.Elements())
        {
            if (names.Contains(element.Name.LocalName, StringComparer.Ordinal))
            {
                yield return element;
            }
            else if (!notInside.Contains(element.Name.LocalName, StringComparer.Ordinal))
            {
                foreach (var inner in element.DescendantsOf(names, notInside))
                {
                    yield return inner;
                }
            }
        }
    }

    private static XmlReader Open(string text) =>
        XmlReader.Create(new StringReader(text), new XmlReaderSettings { DtdProcessing = DtdProcessing.Ignore, XmlResolver = null, MaxCharactersInDocument = MaxBytes });

    // A first pass without a tree: what is too deep or too large is refused before it takes memory.
    private static void Scan(string fileName, string text, CancellationToken cancellationToken)
    {
        using var scan = Open(text);
        for (var nodes = 1; scan.Read(); nodes += 1 + scan.AttributeCount)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (scan.Depth > MaxDepth)
            {
                throw new PaperFormatException(fileName, $"line {((IXmlLineInfo)scan).LineNumber}: elements are nested more than {MaxDepth} deep, which no article needs. The file is not read.");
            }

            if (nodes > MaxNodes)
            {
                throw new PaperFormatException(fileName, $"line {((IXmlLineInfo)scan).LineNumber}: it has more than {MaxNodes:N0} elements, which no article needs. The file is not read.");
            }
        }
    }

    private static void RefuseEntities(string fileName, string text)
    {
        var start = text.IndexOf("<!DOCTYPE", StringComparison.Ordinal);
        var root = ElementStart().Match(text);
        if (start < 0 || (root.Success && root.Index < start))
        {
            return;
        }

        var entity = EntityDeclaration().Match(text, start);
        if (entity.Success)
        {
            var kind = entity.Groups["external"].Success ? "external entity" : "entity";
            throw new PaperFormatException(fileName, $"its document type declares the {kind} '{entity.Groups["name"].Value}'. Entities are refused because they can read other files or blow up in memory; remove the declaration.");
        }
    }

    private static string Decode(string fileName, ReadOnlyMemory<byte> content)
    {
        var head = Encoding.Latin1.GetString(content.Span[..Math.Min(content.Length, 200)]);
        var named = DeclaredEncoding().Match(head) is { Success: true } match ? match.Groups[1].Value : "UTF-8";
        try
        {
            var encoding = Encoding.GetEncoding(named, EncoderFallback.ExceptionFallback, DecoderFallback.ExceptionFallback);
            using var reader = new StreamReader(content.AsStream(), encoding, detectEncodingFromByteOrderMarks: true);
            return reader.ReadToEnd();
        }
        catch (DecoderFallbackException fault)
        {
            throw new PaperFormatException(fileName, $"it is not in the encoding that it declares ({named}). Save it as UTF-8.", fault);
        }
        catch (ArgumentException fault)
        {
            throw new PaperFormatException(fileName, $"its encoding '{named}' is not known here. Save it as UTF-8.", fault);
        }
    }

    [GeneratedRegex(@"<[A-Za-z_]", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex ElementStart();

    [GeneratedRegex(@"<!ENTITY\s+(?:%\s+)?(?<name>[^\s>""']+)(?<external>\s+(?:SYSTEM|PUBLIC))?", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex EntityDeclaration();

    [GeneratedRegex(@"<\?xml[^>]*encoding=[""']([A-Za-z0-9._-]+)[""']", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex DeclaredEncoding();

    [GeneratedRegex(@"&([A-Za-z][A-Za-z0-9]{1,30});", RegexOptions.CultureInvariant, TextLimits.PatternMilliseconds)]
    private static partial Regex NamedEntity();
}
