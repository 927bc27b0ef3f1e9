namespace CoScientist.Core.Papers.Readers;

/// <summary>Title, authors, date and abstract, which may stand before the text or in it.</summary>
/// <param name="draft">Where they go.</param>
/// <param name="plain">Turns TeX into text.</param>
internal sealed class TexFront(PaperDraft draft, Func<string, string> plain)
{
    /// <summary>Reads what stands before the text.</summary>
    public void ReadPreamble(string preamble)
    {
        for (var at = preamble.IndexOf('\\', StringComparison.Ordinal); at >= 0; at = preamble.IndexOf('\\', at + 1))
        {
            var scan = new TexScanner(preamble, at + 1);
            Read(scan.CommandName(), ref scan);
        }
    }

    /// <summary>Reads the arguments of a command of the front matter; false, and nothing read, when it is none.</summary>
    public bool Read(string command, ref TexScanner scan)
    {
        switch (command)
        {
            case "title" or "icmltitle" or "Title":
                scan.OptionalArgument();
                draft.Title = plain(scan.Argument().Replace(@"\\", " ", StringComparison.Ordinal));
                return true;
            case "author" or "icmlauthor" or "Author":
                scan.OptionalArgument();
                draft.Authors.AddRange(TexAuthors.Read(scan.Argument(), plain));
                return true;
            case "date":
                draft.Year ??= TexAuthors.Year(scan.Argument());
                return true;
            case "abstract" when scan.Peek == '{':
                draft.Abstract = plain(scan.Argument());
                return true;
            default:
                return false;
        }
    }
}
