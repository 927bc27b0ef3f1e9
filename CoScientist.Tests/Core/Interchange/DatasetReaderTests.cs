using CoScientist.Core.Goals;
using CoScientist.Core.Interchange;

namespace CoScientist.Tests.Core.Interchange;

public sealed class DatasetReaderTests
{
    private static (IReadOnlyList<DatasetRow> Rows, IReadOnlyList<RowFault> Faults) Read(string fileName, string text)
    {
        using var content = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(text));
        return DatasetReader.Read(fileName, content, TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData("[\"a\", \"b\"]", "a|b")]
    [InlineData("['it is', \"it's\", 'say \\'x\\'']", "it is|it's|say 'x'")]
    [InlineData("['one'\n 'two']", "one|two")]
    [InlineData("[\"\\u00e9\\n\"]", "é")]
    [InlineData("[]", "")]
    public void Parse_list_in_either_notation_is_read(string text, string expected) => Assert.Equal(expected, string.Join('|', RubricList.Parse(text)!));

    [Theory]
    [InlineData("a, b")]
    [InlineData("['a")]
    [InlineData("['a]")]
    [InlineData("[1, 2]")]
    public void Parse_anything_else_is_null(string text) => Assert.Null(RubricList.Parse(text));

    [Fact]
    public void Read_csv_with_a_blank_for_weights_has_none()
    {
        var (rows, faults) = Read("a.csv", "Goal,Rubric,article_id,rubric_weights,split\ng,\"['x']\",a, , \n");

        Assert.Empty(faults);
        Assert.Null(Assert.Single(rows).Weights);
    }

    [Fact]
    public void Read_csv_rows_and_faults_carry_their_lines()
    {
        var (rows, faults) = Read("a.csv", """
            Goal,Rubric,Reference solution,article_id,q_id,Identifier,Subdomain,Category
            "'=How, then?","['x', ""y""]",Do,a1,0,,s,ml
            ,"['x']",,a2,0,,,
            g,,,a3,0,,,
            g,none,,a4,0,,,
            """);

        var row = Assert.Single(rows);
        Assert.Equal("=How, then?", row.Goal);
        Assert.Equal(["x", "y"], row.Rubric);
        Assert.Equal(("Do", "a1", "0", "ml"), (row.ReferenceSolution, row.ArticleId, row.QuestionId, row.Category));
        Assert.Equal([(3, "it has no goal. Write one, or take the line out."), (4, "it has no rubric. Write one, or take the line out.")], faults.Take(2).Select(fault => (fault.Line, fault.Message)));
        Assert.Contains("no list", faults[2].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_jsonl_rows_are_read_and_broken_lines_reported()
    {
        var (rows, faults) = Read("a.jsonl", "{\"Goal\":\"g\",\"Rubric\":[\"x\"],\"article_id\":7,\"q_id\":1}\n\n{\"Goal\":\n");

        Assert.Equal("7", Assert.Single(rows).ArticleId);
        Assert.Equal(3, Assert.Single(faults).Line);
    }

    [Theory]
    [InlineData("[1]")]
    [InlineData("[1,0]")]
    [InlineData("[1,101]")]
    [InlineData("[1,null]")]
    [InlineData("\"1,2\"")]
    public void Read_weights_that_do_not_fit_the_rubric_are_reported(string weights)
    {
        var (rows, faults) = Read("a.jsonl", $$"""{"Goal":"g","Rubric":["x","y"],"article_id":"a","rubric_weights":{{weights}}}""");

        Assert.Empty(rows);
        Assert.Contains("no list of 2 numbers above 0 and at most 100", Assert.Single(faults).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"Goal\":\"g\",\"Rubric\":[\"x\"],\"article_id\":\"a\",\"q_id\":\"1\"}\n{\"Goal\":\"h\",\"Rubric\":[\"x\"],\"article_id\":\"a\",\"q_id\":1}", 2, "line 1 has the same article_id")]
    [InlineData("{\"Goal\":\"g\",\"Rubric\":[\"x\"],\"article_id\":\"a\",\"split\":\"train\"}\n{\"Goal\":\"h\",\"Rubric\":[\"x\"],\"article_id\":\"a\",\"split\":\"test\"}", 2, "in the part 'train' on line 1")]
    [InlineData("{\"Goal\":\"g\",\"goal\":\"h\",\"Rubric\":[\"x\"],\"article_id\":\"a\"}", 1, "names a column twice")]
    [InlineData("{\"Goal\":\"g\\u0000\",\"Rubric\":[\"x\"],\"article_id\":\"a\"}", 1, "NUL")]
    [InlineData("{\"Goal\":\"\\ud800\",\"Rubric\":[\"x\"],\"article_id\":\"a\"}", 1, "half a character")]
    [InlineData("{\"Goal\":\"g\",\"Rubric\":[{\"item\":1}],\"article_id\":\"a\"}", 1, "no list")]
    [InlineData("[1]", 1, "no JSON object")]
    public void Read_faulty_line_is_named_with_the_remedy(string text, int line, string expected)
    {
        var fault = Assert.Single(Read("a.jsonl", text).Faults);

        Assert.Equal(line, fault.Line);
        Assert.Contains(expected, fault.Message, StringComparison.Ordinal);
        Assert.EndsWith(".", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_line_without_end_is_read_over_in_bounded_memory()
    {
        var long1 = new string('x', DatasetReader.MostLineCharacters + 1);

        var (rows, faults) = Read("a.jsonl", $"{long1}\n{{\"Goal\":\"g\",\"Rubric\":[\"x\"],\"article_id\":\"a\"}}\r\n{long1}");

        Assert.Equal(2, Assert.Single(rows).Line);
        Assert.Equal([1, 3], faults.Select(fault => fault.Line));
        Assert.Contains("longer than", faults[0].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_other_encoding_or_thousands_of_faults_is_refused()
    {
        using var latin = new MemoryStream([.. "{\"Goal\":\""u8, 0xE9, .. "\"}"u8]);

        Assert.Contains("not in UTF-8", Assert.Throws<DatasetFormatException>(() => DatasetReader.Read("a.jsonl", latin, TestContext.Current.CancellationToken)).Message, StringComparison.Ordinal);
        Assert.Contains("the first is on line 1", Assert.Throws<DatasetFormatException>(() => Read("a.jsonl", string.Concat(Enumerable.Repeat("rubbish\n", 1100)) + "{\"Goal\":\"g\",\"Rubric\":[\"x\"],\"article_id\":\"a\"}\n")).Message, StringComparison.Ordinal);
        Assert.Contains("5,000 columns, more than 1,000", Assert.Throws<DatasetFormatException>(() => Read("a.csv", string.Join(',', Enumerable.Range(0, 5000)) + "\n1\n")).Message, StringComparison.Ordinal);
        Assert.Contains("two columns named rubric", Assert.Throws<DatasetFormatException>(() => Read("a.csv", "Goal,rubric,Rubric,article_id\n")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a.csv", "title,text\nx,y\n")]
    [InlineData("a.jsonl", "{\"title\":\"x\"}\n")]
    public void Read_missing_columns_are_named_together(string fileName, string text)
    {
        var fault = Assert.Throws<DatasetFormatException>(() => Read(fileName, text));

        Assert.StartsWith($"{fileName}: the columns Goal, Rubric, article_id are missing.", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a.csv", "")]
    [InlineData("a.jsonl", "\n")]
    [InlineData("a.xlsx", "PK")]
    public void Read_empty_or_other_file_is_refused(string fileName, string text) => Assert.Throws<DatasetFormatException>(() => Read(fileName, text));

    [Theory]
    [InlineData("=1+1")]
    [InlineData("+a")]
    [InlineData("-a")]
    [InlineData("@a")]
    [InlineData("\ta")]
    [InlineData("\ra")]
    [InlineData("'=a")]
    [InlineData("'")]
    public void Guard_formula_is_guarded_and_comes_back(string cell)
    {
        Assert.Equal("'" + cell, TableFile.WithGuard(cell));
        Assert.Equal(cell, TableFile.WithoutGuard(TableFile.WithGuard(cell)));
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("'quoted'")]
    [InlineData("")]
    public void Guard_plain_cell_stays(string cell)
    {
        Assert.Equal(cell, TableFile.WithGuard(cell));
        Assert.Equal(cell, TableFile.WithoutGuard(cell));
    }

    [Fact]
    public void Of_split_is_reproducible_and_near_its_shares()
    {
        var splits = Enumerable.Range(0, 4000).Select(i => GoalSplits.Of($"article-{i}", 3)).ToList();

        Assert.Equal(splits, Enumerable.Range(0, 4000).Select(i => GoalSplits.Of($"article-{i}", 3)));
        Assert.InRange(splits.Count(split => split == GoalSplit.Train), 3100, 3300);
        Assert.InRange(splits.Count(split => split == GoalSplit.Validation), 330, 470);
        Assert.NotEqual(splits, Enumerable.Range(0, 4000).Select(i => GoalSplits.Of($"article-{i}", 4)));
    }
}
