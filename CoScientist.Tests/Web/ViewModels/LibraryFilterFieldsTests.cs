using CoScientist.Core.Goals;
using CoScientist.Web.ViewModels;

namespace CoScientist.Tests.Web.ViewModels;

public sealed class LibraryFilterFieldsTests
{
    private static readonly LibraryFilter All = new(null, null, false);

    [Fact]
    public void Take_FirstFilter_FillsEveryField()
    {
        var fields = new LibraryFilterFields();

        fields.Take(new LibraryFilter("roots", "biology", true) { Source = "pdf", Pipeline = "paper", Split = GoalSplit.Test, State = RubricItemState.Approved });

        Assert.Equal("q=roots domain=biology source=pdf split=test pipeline=paper state=approved data=sandbox page=", Describe(fields));
    }

    [Fact]
    public void Take_FilterChosenWhileASearchIsUnderWay_KeepsWhatWasChosen()
    {
        var fields = new LibraryFilterFields();
        fields.Take(All);

        // The search is sent; before its address comes back, a format is chosen.
        fields.Text = "roots";
        Assert.Equal("roots", fields.Query["q"]);
        fields.Source = "pdf";
        fields.Take(new LibraryFilter("roots", "", false));

        Assert.Equal("q=roots domain= source=pdf split= pipeline= state= data= page=", Describe(fields));
    }

    [Fact]
    public void Take_SearchTypedOnWhileAFilterIsUnderWay_KeepsTheWords()
    {
        var fields = new LibraryFilterFields();
        fields.Take(All);

        fields.Domain = "biology";
        fields.Text = "root growth";
        fields.Take(new LibraryFilter(null, "biology", false));
        fields.Take(new LibraryFilter(null, "biology", false));

        Assert.Equal(("root growth", "biology"), (fields.Text, fields.Domain));
    }

    [Fact]
    public void Take_AddressOfAnotherList_OverwritesWhatDiffers()
    {
        var fields = new LibraryFilterFields();
        fields.Take(new LibraryFilter("roots", "biology", false));

        fields.Take(new LibraryFilter("shoots", null, true));

        Assert.Equal("q=shoots domain= source= split= pipeline= state= data=sandbox page=", Describe(fields));
    }

    [Fact]
    public void Clear_ChosenAndNotYetShown_IsGoneToo()
    {
        var fields = new LibraryFilterFields();
        fields.Take(new LibraryFilter("roots", null, true));
        fields.Source = "pdf";

        fields.Clear();
        fields.Take(new LibraryFilter(null, null, true));

        Assert.Equal("q= domain= source= split= pipeline= state= data=sandbox page=", Describe(fields));
    }

    private static string Describe(LibraryFilterFields fields) => string.Join(' ', fields.Query.Select(field => $"{field.Key}={field.Value}"));
}
